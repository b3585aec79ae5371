"""The precision of the matrix products in training: `train.precision`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from asr_prune.acoustic.options import TrainOptions


class Precision:
    """How an update computes its products; weights, gradients, the loss and the optimiser's state
    stay float32, and so do evaluations.
    """

    def __init__(self, options: TrainOptions, device: torch.device) -> None:
        self.kind, self.device = options.precision, device

    def update(self) -> AbstractContextManager[None]:
        """Round forward and backward pass: with tf32 products on a GPU have inputs of 10 bits of
        mantissa and float32 sums. On a CPU tf32 has no effect.
        """
        return _tensor_float() if self.kind == "tf32" and self.device.type == "cuda" else nullcontext()

    def forward(self) -> AbstractContextManager[object]:
        """Round the forward pass: with bf16, PyTorch's autocast. The backward pass computes each
        operation in the dtype of its forward pass.
        """
        return torch.autocast(self.device.type, torch.bfloat16) if self.kind == "bf16" else nullcontext()


@contextmanager
def _tensor_float() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
