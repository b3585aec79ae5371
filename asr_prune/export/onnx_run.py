"""ONNX files made smaller, and run with onnxruntime."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asr_prune.errors import UserError
from asr_prune.export.forward import Outputs
from asr_prune.export.onnx_graph import INPUT, LOGITS, LOGLIKES

if TYPE_CHECKING:
    import onnx


def need_onnx() -> None:
    """Raises UserError where onnx or onnxruntime is not installed."""
    if missing := [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]:
        raise UserError(f"exporting to ONNX needs {' and '.join(missing)}; type: pip install -e '.[export]'.")


def quantise(model: onnx.ModelProto, path: Path) -> None:
    """Writes `model` with weights of 8 bits, each node its own scale; what goes into a layer becomes 8 bits too, by the
    range of the utterance at hand (onnxruntime's quantize_dynamic), so that no calibration data are needed.

    Weights are unsigned: of signed ones, processors with AVX2 but without VNNI saturate the sum of two products.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _without_advice():
        quantize_dynamic(model, path, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QUInt8)


@contextmanager
def _without_advice() -> Iterator[None]:
    """onnxruntime warns, on the root logger, of every layer whose range is taken at run time."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


class Session:
    """An ONNX file of ours on the CPU. threads: of one operator."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, features: np.ndarray) -> Outputs:
        """features: float32 [frames, dim] of one utterance."""
        return Outputs(*self.session.run([LOGITS, LOGLIKES], {INPUT: features}))
