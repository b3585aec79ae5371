"""nnet1's text format and what its components compute, after Kaldi's source alone.

Format: Nnet::Read, Component::Read and the ReadData of each component; ReadToken, ExpectToken and
ReadBasicType (io-funcs.cc), ReadIntegerVector (io-funcs-inl.h), Vector::Read and Matrix::Read. It
shares no code with the package, and refuses what Kaldi refuses.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

NUMBER = re.compile(rb"[-+]?(\d+\.?\d*([eE][-+]?\d+)?|inf|nan)")
INTEGER = re.compile(rb"[-+]?\d+")
#: tokens before a component's values: in any order and number, or at most one
ANY = {
    "<AffineTransform>": ("<LearnRateCoef>", "<BiasLearnRateCoef>", "<MaxNorm>"),
    "<ParametricRelu>": ("<AlphaLearnRateCoef>", "<BetaLearnRateCoef>"),
}
ONE = {"<LinearTransform>": "<LearnRateCoef>", "<AddShift>": "<LearnRateCoef>", "<Rescale>": "<LearnRateCoef>"}
#: the values: a matrix, vectors, or integers
VALUES = {
    "<AffineTransform>": "mv",
    "<LinearTransform>": "m",
    "<Copy>": "i",
    "<ParametricRelu>": "vv",
    "<AddShift>": "v",
    "<Rescale>": "v",
    "<Splice>": "i",
    "<Sigmoid>": "",
    "<Softmax>": "",
}


class Component(NamedTuple):
    kind: str
    outputs: int
    inputs: int
    rates: dict[str, float]
    values: list[np.ndarray]


class Text:
    """The bytes of a file in text mode, read as a C++ stream is."""

    def __init__(self, data: bytes) -> None:
        assert not data.startswith(b"\0B"), "binary"
        self.data, self.at = data, 0

    def space(self) -> None:
        while self.data[self.at : self.at + 1].isspace():
            self.at += 1

    def peek(self) -> bytes:
        self.space()
        return self.data[self.at : self.at + 1]

    def token(self) -> str:
        self.space()
        match = re.compile(rb"\S+").match(self.data, self.at)
        assert match is not None, "a token at the end of the file"
        assert self.data[match.end() : match.end() + 1].isspace(), "no space after a token"
        self.at = match.end() + 1
        return match[0].decode()

    def number(self, pattern: re.Pattern[bytes] = NUMBER) -> float:
        self.space()
        match = pattern.match(self.data, self.at)
        assert match is not None, f"no number at byte {self.at}"
        self.at = match.end()
        assert self.data[self.at : self.at + 1] in (b" ", b"\t", b"\n", b"]"), "no space after a number"
        return float(match[0])

    def integer(self) -> int:
        return int(self.number(INTEGER))

    def line(self, pattern: re.Pattern[bytes] = NUMBER) -> list[float]:
        """Numbers up to the end of the line or the closing bracket."""
        numbers = []
        while True:
            while self.data[self.at : self.at + 1] in (b" ", b"\t"):
                self.at += 1
            if self.data[self.at : self.at + 1] in (b"]", b"\n"):
                return numbers
            numbers.append(self.number(pattern))

    def close(self) -> None:
        assert self.data[self.at : self.at + 1] == b"]", "a vector on more than one line"
        self.at += 1
        if self.data[self.at : self.at + 1] == b"\n":
            self.at += 1

    def vector(self, pattern: re.Pattern[bytes] = NUMBER) -> np.ndarray:
        assert self.token() == "["
        numbers = self.line(pattern)
        self.close()
        return np.array(numbers)

    def integers(self) -> np.ndarray:
        return self.vector(INTEGER).astype(int)

    def matrix(self) -> np.ndarray:
        assert self.token() == "["
        rows: list[list[float]] = []
        while True:
            if row := self.line():
                rows.append(row)
            if self.data[self.at : self.at + 1] == b"]":
                break
            self.at += 1
        self.close()
        assert len({len(row) for row in rows}) == 1, "rows of different length"
        return np.array(rows)


def read(path: Path) -> list[Component]:
    """The components of a network in text form; fails where Kaldi does."""
    text, components = Text(path.read_bytes()), []
    while True:
        kind = text.token()
        if kind == "<Nnet>":
            kind = text.token()
        if kind == "</Nnet>":
            assert not text.peek(), "something after </Nnet>"
            return components
        components.append(component(text, kind))
        assert len(components) < 2 or components[-2].outputs == components[-1].inputs, "dimensionality mismatch"


def component(text: Text, kind: str) -> Component:
    outputs, inputs = text.integer(), text.integer()
    rates: dict[str, float] = {}
    while kind in ANY and text.peek() == b"<":
        token = text.token()
        assert token in ANY[kind], f"unknown token {token} in {kind}"
        rates[token] = text.number()
    if kind in ONE and text.peek() == b"<":
        token = text.token()
        assert token == ONE[kind], f"expected {ONE[kind]} in {kind}, got {token}"
        rates[token] = text.number()
    assert kind in VALUES, f"unknown component {kind}"
    read_value = {"m": text.matrix, "v": text.vector, "i": text.integers}
    values = [read_value[letter]() for letter in VALUES[kind]]
    check(kind, outputs, inputs, values)
    if text.peek() == b"<" and text.data[text.at + 1 : text.at + 2] == b"!":
        assert text.token() == "<!EndOfComponent>"
    return Component(kind, outputs, inputs, rates, values)


def check(kind: str, outputs: int, inputs: int, values: list[np.ndarray]) -> None:
    if kind == "<AffineTransform>":
        assert values[0].shape == (outputs, inputs)
        assert values[1].shape == (outputs,)
    elif kind == "<LinearTransform>":
        assert values[0].shape == (outputs, inputs)
    elif kind == "<Copy>":
        assert len(values[0]) == outputs
        assert set(values[0]) <= {*range(1, inputs + 1)}
    elif kind == "<Splice>":
        assert len(values[0]) * inputs == outputs
    else:
        assert inputs == outputs
        assert all(len(value) == outputs for value in values)


def propagate(x: np.ndarray, part: Component) -> np.ndarray:
    """PropagateFnc of a component; x: [frames, inputs]."""
    if part.kind == "<Splice>":
        rows = np.arange(len(x))[:, None] + part.values[0]
        return x[rows.clip(0, len(x) - 1)].reshape(len(x), -1)
    if part.kind == "<Copy>":
        return x[:, part.values[0] - 1]
    if part.kind == "<LinearTransform>":
        return x @ part.values[0].T
    if part.kind == "<AddShift>":
        return x + part.values[0]
    if part.kind == "<Rescale>":
        return x * part.values[0]
    if part.kind == "<AffineTransform>":
        return x @ part.values[0].T + part.values[1]
    if part.kind == "<ParametricRelu>":
        return np.where(x >= 0, part.values[0] * x, part.values[1] * x)
    if part.kind == "<Sigmoid>":
        return 1 / (1 + np.exp(-x))
    powers = np.exp(x - x.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def nnet_forward(folder: Path, features: np.ndarray) -> np.ndarray:
    """nnet-forward --no-softmax --class-frame-counts of an exported folder, [frames, pdfs]."""
    x = features.astype(np.float64)
    network = read(folder / "final.nnet")
    assert network[-1].kind == "<Softmax>"
    for part in [*read(folder / "final.feature_transform"), *network[:-1]]:
        assert x.shape[1] == part.inputs
        x = propagate(x, part)
    return x - log_priors(folder)


def log_priors(folder: Path) -> np.ndarray:
    """PdfPrior: [pdfs], the square root of the largest float for pdfs that were hardly seen."""
    counts = Text((folder / "ali_train_pdf.counts").read_bytes()).vector()
    shares = counts / counts.sum()
    return np.where(shares < 1e-10, np.sqrt(np.finfo(np.float32).max), np.log(shares + 1e-20))
