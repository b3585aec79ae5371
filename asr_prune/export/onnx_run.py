"""Quantisation of ONNX files, and running them with onnxruntime."""

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
    """Raises UserError if onnx or onnxruntime is not installed."""
    if missing := [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]:
        packages = " and ".join(missing)
        raise UserError(f"exporting to ONNX needs {packages}; run pip install -e '.[export]'.")


def quantise(model: onnx.ModelProto, path: Path) -> None:
    """Writes `model` with 8-bit weights, one scale per node, by onnxruntime's quantize_dynamic.

    The inputs of a layer are quantised at run time by their range over the utterance, without
    calibration data. Weights are unsigned: with signed ones, processors with AVX2 but without VNNI
    saturate the sum of two products.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _without_advice():
        form = {"per_channel": True, "weight_type": QuantType.QUInt8}
        quantize_dynamic(model, path, op_types_to_quantize=["MatMul"], **form)


@contextmanager
def _without_advice() -> Iterator[None]:
    """Silences onnxruntime's warning, on the root logger, for each layer quantised at run time."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


class Session:
    """An exported ONNX file on the CPU; threads: of one operator."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        providers = ["CPUExecutionProvider"]
        self.session = onnxruntime.InferenceSession(str(path), options, providers=providers)

    def __call__(self, features: np.ndarray) -> Outputs:
        """features: float32 [frames, dim] of one utterance."""
        return Outputs(*self.session.run([LOGITS, LOGLIKES], {INPUT: features}))
