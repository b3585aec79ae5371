"""Reads feed-forward networks of Kaldi's nnet1 (nnet/nnet-nnet.cc, nnet-component.cc)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.integrity import checked
from asr_prune.kaldi_format import KaldiReader

_SIGMOID = "<Sigmoid>"
_PARAMETRIC = "<ParametricRelu>"  # a ReLU with two slopes per node, above and below 0
#: what training does with a component, written before its values (ReadData of each component);
#: the last three of <ParametricRelu> are those of older Kaldi
_RATES = {
    "<AffineTransform>": ("<LearnRateCoef>", "<BiasLearnRateCoef>", "<MaxNorm>"),
    "<LinearTransform>": ("<LearnRateCoef>",),
    "<AddShift>": ("<LearnRateCoef>",),
    "<Rescale>": ("<LearnRateCoef>",),
    _PARAMETRIC: (
        *("<AlphaLearnRateCoef>", "<BetaLearnRateCoef>"),
        *("<LearnRateCoef>", "<BiasLearnRateCoef>", "<ClipGradient>"),
    ),
}
_KNOWN = (
    *("<AffineTransform>", "<LinearTransform>", "<Splice>", "<Copy>", "<AddShift>", "<Rescale>"),
    *("<Softmax>", _SIGMOID, _PARAMETRIC),
)
_BY_LOWER_CASE = {kind.lower(): kind for kind in _KNOWN}  # Component::MarkerToType ignores case


@dataclass
class Nnet1:
    """The content of an nnet1 file.

    weights: float32 [out, in] of each affine map, from input to output; biases: float32 [out];
    activations: "relu" or "sigmoid" between each two maps; offsets: relative positions of the
    spliced frames, None if the file does not splice; scale, offset: float32 [inputs], the spliced
    input becomes scale * x + offset, None if it is not normalised. A <LinearTransform> is
    multiplied into the affine map that follows it. columns: int64, the coefficients of the spliced
    input that <Copy> takes, None for all; the first weights have columns of zeros for the others,
    and scale and offset 1 and 0.
    """

    weights: list[np.ndarray] = field(default_factory=list)
    biases: list[np.ndarray] = field(default_factory=list)
    activations: list[str] = field(default_factory=list)
    offsets: list[int] | None = None
    scale: np.ndarray | None = None
    offset: np.ndarray | None = None
    columns: np.ndarray | None = None
    linear: np.ndarray | None = None
    inputs: int = 0


def is_nnet1(path: Path) -> bool:
    """Whether a file begins like an nnet1 network, binary or text."""
    with open(path, "rb") as file:
        start = file.read(32).removeprefix(b"\0B").lstrip().lower()
    return start.startswith((b"<nnet>", b"<splice>", b"<affinetransform>"))


def read_nnet1(path: Path) -> Nnet1:
    """Reads a network of <AffineTransform>, <Sigmoid> or <ParametricRelu>, and <Softmax>.

    A feature transform of <Splice>, <AddShift> and <Rescale> may precede it. Raises UserError if
    the file is damaged or has another component.
    """
    reader = KaldiReader(checked(path).read_bytes(), path)
    nnet = Nnet1()
    opened = reader.peek() == "<Nnet>"
    token, last, size = reader.token() if opened else "", "", 0
    while not _at_end(reader) and (token := reader.token()) != "</Nnet>":
        kind = _BY_LOWER_CASE.get(token.lower())
        if kind is None:
            raise reader.fail(f"cannot use the component {token[:40]!r} (known: {', '.join(_KNOWN)})")
        last, size = kind, _component(reader, kind, last, size, nnet)
    if opened and token != "</Nnet>":
        raise reader.fail("found no </Nnet>")
    if not nnet.weights or len(nnet.activations) != len(nnet.weights) - 1:
        raise UserError(
            f"{path} holds {len(nnet.weights)} affine maps and {len(nnet.activations)} activations; "
            "give a network of <AffineTransform>s with a <Sigmoid> or <ParametricRelu> between each two."
        )
    if nnet.columns is not None:
        _read_all(nnet)
    return nnet


def _at_end(reader: KaldiReader) -> bool:
    return not reader.data[reader.at :].strip()


def _component(reader: KaldiReader, kind: str, last: str, size: int, nnet: Nnet1) -> int:
    """Reads a component after its token, and returns its number of outputs.

    last, size: the component before it, "" for none, and its outputs.
    """
    outputs, inputs = reader.integer(), reader.integer()
    if last and inputs != size:
        raise reader.fail(f"a {kind} with {inputs} inputs follows a {last} with {size} outputs")
    _check_place(reader, kind, last)
    if kind not in ("<AffineTransform>", "<LinearTransform>", "<Splice>", "<Copy>") and inputs != outputs:
        raise reader.fail(f"a {kind} cannot have {inputs} inputs and {outputs} outputs")
    if kind == "<AffineTransform>":
        _affine(reader, outputs, inputs, nnet)
    elif kind == "<LinearTransform>":
        _skip_rates(reader, kind)
        nnet.linear = reader.matrix()
        if nnet.linear.shape != (outputs, inputs):
            raise reader.fail(f"a <LinearTransform> {outputs} {inputs} holds {nnet.linear.shape} weights")
    elif kind == "<Copy>":
        nnet.columns, nnet.inputs = np.array(reader.ints()) - 1, inputs
        places = set(nnet.columns.tolist()) & set(range(inputs))
        if not len(places) == len(nnet.columns) == outputs:
            what = f"a <Copy> {outputs} {inputs}"
            raise reader.fail(f"can use {what} only with {outputs} different places from 1")
    elif kind == "<Splice>":
        nnet.offsets = reader.ints()
        if len(nnet.offsets) * inputs != outputs:
            raise reader.fail(f"a <Splice> {outputs} {inputs} holds {len(nnet.offsets)} offsets")
    elif kind in ("<AddShift>", "<Rescale>"):
        _normalise(reader, kind, outputs, nnet)
    elif kind == _PARAMETRIC:
        _parametric(reader, outputs, nnet)
    elif kind == _SIGMOID:
        nnet.activations.append("sigmoid")
    if not _at_end(reader) and reader.peek() == "<!EndOfComponent>":
        reader.token()
    return outputs


def _check_place(reader: KaldiReader, kind: str, last: str) -> None:
    """Raises UserError if a network that is read must not have `kind` after `last`."""
    transform = ("<AddShift>", "<Rescale>")
    if kind == "<Splice>":
        fits = not last
    elif kind == "<Copy>":
        fits = last in ("", "<Splice>")
    elif kind in transform:
        fits = last in ("", "<Splice>", "<Copy>", *transform)
    elif kind in ("<AffineTransform>", "<LinearTransform>"):
        before = ("", "<Splice>", "<Copy>", *transform, _SIGMOID, _PARAMETRIC)
        fits = last in before or (last == "<LinearTransform>" and kind == "<AffineTransform>")
    elif kind == "<Softmax>":
        fits = last in ("", "<AffineTransform>")
    else:
        fits = last == "<AffineTransform>"
    if not fits:
        order = "<Splice>, <Copy>, <AddShift> and <Rescale>, <LinearTransform>s and <AffineTransform>s with an "
        order += "activation after each affine one but the last, <Softmax>"
        raise reader.fail(f"{kind} follows {last or 'nothing'}, but components can only be used in the order {order}")


def _affine(reader: KaldiReader, outputs: int, inputs: int, nnet: Nnet1) -> None:
    _skip_rates(reader, "<AffineTransform>")
    weight, bias = reader.matrix(), reader.vector()
    if weight.shape != (outputs, inputs) or bias.shape != (outputs,):
        raise reader.fail(f"an <AffineTransform> {outputs} {inputs} holds {weight.shape} weights, {bias.shape} biases")
    nnet.weights.append(weight if nnet.linear is None else weight @ nnet.linear)
    nnet.linear = None
    nnet.biases.append(bias)


def _read_all(nnet: Nnet1) -> None:
    def spread(values: np.ndarray, other: float) -> np.ndarray:
        whole = np.full((*values.shape[:-1], nnet.inputs), other, np.float32)
        whole[..., nnet.columns] = values
        return whole

    nnet.weights[0] = spread(nnet.weights[0], 0)
    if nnet.scale is not None and nnet.offset is not None:
        nnet.scale, nnet.offset = spread(nnet.scale, 1), spread(nnet.offset, 0)


def _normalise(reader: KaldiReader, kind: str, size: int, nnet: Nnet1) -> None:
    _skip_rates(reader, kind)
    values = reader.vector()
    if values.shape != (size,):
        raise reader.fail(f"a {kind} of {size} holds {len(values)} values")
    scale = np.ones(size, np.float32) if nnet.scale is None else nnet.scale
    offset = np.zeros(size, np.float32) if nnet.offset is None else nnet.offset
    factor = values if kind == "<Rescale>" else np.float32(1)
    nnet.scale = scale * factor
    nnet.offset = offset * factor + (values if kind == "<AddShift>" else np.float32(0))


def _parametric(reader: KaldiReader, size: int, nnet: Nnet1) -> None:
    _skip_rates(reader, _PARAMETRIC)
    above, below = reader.vector(), reader.vector()
    if above.shape != (size,) or below.shape != (size,) or (above != 1).any() or below.any():
        raise reader.fail(f"can use a {_PARAMETRIC} only with {size} slopes of 1 above 0 and of 0 below")
    nnet.activations.append("relu")


def _skip_rates(reader: KaldiReader, kind: str) -> None:
    while reader.peek().startswith("<"):
        reader.expect(*_RATES[kind])
        reader.real()
