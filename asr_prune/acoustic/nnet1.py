"""Reads feed-forward networks of Kaldi's nnet1 (nnet/nnet-nnet.cc, nnet-component.cc)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.hmm.kaldi_format import KaldiReader
from asr_prune.integrity import checked

_ACTIVATIONS = {"<Sigmoid>": "sigmoid", "<ReLU>": "relu"}
_PARAMETRIC = "<ParametricRelu>"  # a ReLU with two slopes per node, above and below 0


@dataclass
class Nnet1:
    """The content of an nnet1 file.

    weights: float32 [out, in] of each affine map, from input to output; biases: float32 [out];
    activations: "relu" or "sigmoid" between each two maps; offsets: relative positions of the
    spliced frames, None if the file does not splice; scale, offset: float32 [inputs], the spliced
    input becomes scale * x + offset, None if it is not normalised.
    """

    weights: list[np.ndarray] = field(default_factory=list)
    biases: list[np.ndarray] = field(default_factory=list)
    activations: list[str] = field(default_factory=list)
    offsets: list[int] | None = None
    scale: np.ndarray | None = None
    offset: np.ndarray | None = None


def is_nnet1(path: Path) -> bool:
    """Whether a file begins like an nnet1 network, binary or text."""
    with open(path, "rb") as file:
        return file.read(32).removeprefix(b"\0B").lstrip().startswith((b"<Nnet>", b"<Splice>", b"<AffineTransform>"))


def read_nnet1(path: Path) -> Nnet1:
    """Reads a network of <AffineTransform>, <Sigmoid>, <ReLU> or <ParametricRelu>, and <Softmax>.

    A feature transform of <Splice>, <AddShift> and <Rescale> may precede it. Raises UserError if
    the file is damaged or has another component.
    """
    reader = KaldiReader(checked(path).read_bytes(), path)
    nnet = Nnet1()
    opened = reader.peek() == "<Nnet>"
    kind = reader.token() if opened else ""
    while not _at_end(reader) and (kind := reader.token()) != "</Nnet>":
        _component(reader, kind, nnet)
    if opened and kind != "</Nnet>":
        raise reader.fail("found no </Nnet>")
    if not nnet.weights or len(nnet.activations) != len(nnet.weights) - 1:
        raise UserError(
            f"{path} holds {len(nnet.weights)} affine maps and {len(nnet.activations)} activations; "
            "give a network of <AffineTransform>s with a <Sigmoid> or <ReLU> between each two."
        )
    return nnet


def _at_end(reader: KaldiReader) -> bool:
    return not reader.data[reader.at :].strip()


def _component(reader: KaldiReader, kind: str, nnet: Nnet1) -> None:
    known = ("<AffineTransform>", "<Splice>", "<AddShift>", "<Rescale>", "<Softmax>", _PARAMETRIC, *_ACTIVATIONS)
    if kind not in known:
        raise reader.fail(f"cannot use the component {kind[:40]!r} (known: {', '.join(known)})")
    outputs, inputs = reader.integer(), reader.integer()
    if kind == "<AffineTransform>":
        _affine(reader, outputs, inputs, nnet)
    elif kind == "<Splice>":
        _refuse_late(reader, kind, nnet.weights or nnet.scale is not None)
        nnet.offsets = reader.ints()
    elif kind in ("<AddShift>", "<Rescale>"):
        _refuse_late(reader, kind, bool(nnet.weights))
        _normalise(reader, kind, outputs, nnet)
    elif kind == _PARAMETRIC:
        _parametric(reader, outputs, nnet)
    elif kind in _ACTIVATIONS:
        nnet.activations.append(_ACTIVATIONS[kind])
    if not _at_end(reader) and reader.peek() == "<!EndOfComponent>":
        reader.token()


def _refuse_late(reader: KaldiReader, kind: str, late: object) -> None:
    if late:
        raise reader.fail(f"{kind} can only be used in the order <Splice>, <AddShift> and <Rescale>, <AffineTransform>")


def _affine(reader: KaldiReader, outputs: int, inputs: int, nnet: Nnet1) -> None:
    _skip_rates(reader)
    weight, bias = reader.matrix(), reader.vector()
    if weight.shape != (outputs, inputs) or bias.shape != (outputs,):
        raise reader.fail(f"an <AffineTransform> {outputs} {inputs} holds {weight.shape} weights, {bias.shape} biases")
    nnet.weights.append(weight)
    nnet.biases.append(bias)


def _normalise(reader: KaldiReader, kind: str, size: int, nnet: Nnet1) -> None:
    _skip_rates(reader)
    values = reader.vector()
    if values.shape != (size,):
        raise reader.fail(f"a {kind} of {size} holds {len(values)} values")
    scale = np.ones(size, np.float32) if nnet.scale is None else nnet.scale
    offset = np.zeros(size, np.float32) if nnet.offset is None else nnet.offset
    factor = values if kind == "<Rescale>" else np.float32(1)
    nnet.scale = scale * factor
    nnet.offset = offset * factor + (values if kind == "<AddShift>" else np.float32(0))


def _parametric(reader: KaldiReader, size: int, nnet: Nnet1) -> None:
    _skip_rates(reader)
    above, below = reader.vector(), reader.vector()
    if above.shape != (size,) or below.shape != (size,) or (above != 1).any() or below.any():
        raise reader.fail(f"can use a {_PARAMETRIC} only with {size} slopes of 1 above 0 and of 0 below")
    nnet.activations.append("relu")


def _skip_rates(reader: KaldiReader) -> None:
    """Skips <LearnRateCoef> 1 and the like, which precede a component's values."""
    while reader.peek().startswith("<"):
        reader.token()
        reader.real()
