"""Reading a feed-forward network of Kaldi's nnet1 (nnet/nnet-nnet.cc, nnet-component.cc, nnet-various.h)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.hmm.kaldi_format import KaldiReader

_ACTIVATIONS = {"<Sigmoid>": "sigmoid", "<ReLU>": "relu"}
#: nnet1's own ReLU has two slopes a node, above and below 0
_PARAMETRIC = "<ParametricRelu>"


@dataclass
class Nnet1:
    """What an nnet1 file holds.

    weights: float32 [out, in] of each affine map, input to output; biases: float32 [out]; activations: "relu" or
    "sigmoid", one between two maps; offsets: of the frames spliced, None where the file does not splice; scale, offset:
    float32 [inputs], the spliced input is taken as scale * x + offset; None where the file leaves it alone.
    """

    weights: list[np.ndarray] = field(default_factory=list)
    biases: list[np.ndarray] = field(default_factory=list)
    activations: list[str] = field(default_factory=list)
    offsets: list[int] | None = None
    scale: np.ndarray | None = None
    offset: np.ndarray | None = None


def is_nnet1(path: Path) -> bool:
    """Whether a file begins as an nnet1 network does, binary or text."""
    with open(path, "rb") as file:
        return file.read(32).removeprefix(b"\0B").lstrip().startswith((b"<Nnet>", b"<Splice>", b"<AffineTransform>"))


def read_nnet1(path: Path) -> Nnet1:
    """A network of <AffineTransform>, <Sigmoid>, <ReLU> or <ParametricRelu>, and <Softmax>, perhaps behind a feature
    transform of <Splice>, <AddShift> and <Rescale>.

    Raises UserError where the file is damaged or holds another component.
    """
    reader = KaldiReader(path.read_bytes(), path)
    found = Nnet1()
    opened = reader.peek() == "<Nnet>"
    kind = reader.token() if opened else ""
    while not _at_end(reader) and (kind := reader.token()) != "</Nnet>":
        _component(reader, kind, found)
    if opened and kind != "</Nnet>":
        raise reader.fail("found no </Nnet>")
    if not found.weights or len(found.activations) != len(found.weights) - 1:
        raise UserError(
            f"{path} holds {len(found.weights)} affine maps and {len(found.activations)} activations; "
            "give a network of <AffineTransform>s with a <Sigmoid> or <ReLU> between each two."
        )
    return found


def _at_end(reader: KaldiReader) -> bool:
    return not reader.data[reader.at :].strip()


def _component(reader: KaldiReader, kind: str, found: Nnet1) -> None:
    known = ("<AffineTransform>", "<Splice>", "<AddShift>", "<Rescale>", "<Softmax>", _PARAMETRIC, *_ACTIVATIONS)
    if kind not in known:
        raise reader.fail(f"cannot use the component {kind[:40]!r} (known: {', '.join(known)})")
    outputs, inputs = reader.integer(), reader.integer()
    if kind == "<AffineTransform>":
        _affine(reader, outputs, inputs, found)
    elif kind == "<Splice>":
        _refuse_late(reader, kind, found.weights or found.scale is not None)
        found.offsets = reader.ints()
    elif kind in ("<AddShift>", "<Rescale>"):
        _refuse_late(reader, kind, bool(found.weights))
        _normalise(reader, kind, outputs, found)
    elif kind == _PARAMETRIC:
        _parametric(reader, outputs, found)
    elif kind in _ACTIVATIONS:
        found.activations.append(_ACTIVATIONS[kind])
    if not _at_end(reader) and reader.peek() == "<!EndOfComponent>":
        reader.token()


def _refuse_late(reader: KaldiReader, kind: str, late: object) -> None:
    if late:
        raise reader.fail(f"{kind} can only be used in the order <Splice>, <AddShift> and <Rescale>, <AffineTransform>")


def _affine(reader: KaldiReader, outputs: int, inputs: int, found: Nnet1) -> None:
    _skip_rates(reader)
    weight, bias = reader.matrix(), reader.vector()
    if weight.shape != (outputs, inputs) or bias.shape != (outputs,):
        raise reader.fail(f"an <AffineTransform> {outputs} {inputs} holds {weight.shape} weights, {bias.shape} biases")
    found.weights.append(weight)
    found.biases.append(bias)


def _normalise(reader: KaldiReader, kind: str, size: int, found: Nnet1) -> None:
    _skip_rates(reader)
    values = reader.vector()
    if values.shape != (size,):
        raise reader.fail(f"a {kind} of {size} holds {len(values)} values")
    scale = np.ones(size, np.float32) if found.scale is None else found.scale
    offset = np.zeros(size, np.float32) if found.offset is None else found.offset
    factor = values if kind == "<Rescale>" else np.float32(1)
    found.scale = scale * factor
    found.offset = offset * factor + (values if kind == "<AddShift>" else np.float32(0))


def _parametric(reader: KaldiReader, size: int, found: Nnet1) -> None:
    _skip_rates(reader)
    above, below = reader.vector(), reader.vector()
    if above.shape != (size,) or below.shape != (size,) or (above != 1).any() or below.any():
        raise reader.fail(f"can use a {_PARAMETRIC} only with {size} slopes of 1 above 0 and of 0 below")
    found.activations.append("relu")


def _skip_rates(reader: KaldiReader) -> None:
    """Passes over <LearnRateCoef> 1 and its like, which stand before a component's numbers."""
    while reader.peek().startswith("<"):
        reader.token()
        reader.real()
