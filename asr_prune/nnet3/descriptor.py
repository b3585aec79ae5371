"""Descriptors: what a node of an nnet3 graph reads (Kaldi: nnet3/nnet-descriptor.h)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"[(),]|[^\s(),]+")
#: what follows the parts of an expression: a name for each value
_VALUES = {
    "Append": (), "Sum": (), "Failover": (), "IfDefined": (),
    "Offset": ("t", "x"), "Round": ("modulus",), "ReplaceIndex": ("index", "value"),
    "Scale": ("scale",), "Const": ("value", "dim"),
}  # fmt: skip
_PARTS = {"Append": 99_999, "Sum": 99_999, "Failover": 2, "Const": 0}  # at most; 1 for the others


class DescriptorError(ValueError):
    """Says what is wrong with an expression."""


class OperatorError(DescriptorError):
    """Names an operator that is not known."""


@dataclass(frozen=True)
class Descriptor:
    """An expression. kind: "node" for the name of a node, or the name of the operator.

    parts: the expressions that it joins or changes. values: numbers and letters as they are
    written, in the order of the file: Offset t and x (x only if it is written), Scale scale,
    Const value and dim, Round modulus, ReplaceIndex index ("t" or "x") and value.
    """

    kind: str
    parts: tuple[Descriptor, ...] = ()
    values: tuple[str, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        if self.kind == "node":
            return self.name
        parts = [str(part) for part in self.parts]
        inside = [*self.values, *parts] if self.kind == "Scale" else [*parts, *self.values]
        return f"{self.kind}({', '.join(inside)})"

    def number(self, place: int) -> float:
        """A value as a number."""
        return float(self.values[place])

    def nodes(self) -> Iterator[str]:
        """Names of the nodes that it reads, as often as it reads them."""
        if self.kind == "node":
            yield self.name
        for part in self.parts:
            yield from part.nodes()


def node(name: str) -> Descriptor:
    """The output of a node."""
    return Descriptor("node", name=name)


def parse_descriptor(text: str) -> Descriptor:
    """Reads an expression. Raises DescriptorError if it is none, OperatorError if it has an
    operator that is not known.
    """
    tokens = _TOKEN.findall(text)
    found, at = _parse(tokens, 0)
    if at != len(tokens):
        raise DescriptorError(f"{tokens[at]!r} follows a whole expression")
    return found


def _parse(tokens: list[str], at: int) -> tuple[Descriptor, int]:
    if at >= len(tokens) or tokens[at] in "(),":
        raise DescriptorError("an expression is missing")
    word = tokens[at]
    if tokens[at + 1 : at + 2] != ["("]:
        return node(word), at + 1
    if word not in _VALUES:
        raise OperatorError(f"the operator {word}() is not known ({', '.join(_VALUES)} are)")
    return _operator(word, tokens, at + 2)


def _operator(kind: str, tokens: list[str], at: int) -> tuple[Descriptor, int]:
    parts: list[Descriptor] = []
    values: list[str] = []
    while True:
        if (kind == "Scale" and not values) or (parts and _VALUES[kind]) or kind == "Const":
            values.append(_word(tokens, at))
            at += 1
        else:
            part, at = _parse(tokens, at)
            parts.append(part)
        if (mark := _word(tokens, at)) == ")":
            return _checked(Descriptor(kind, tuple(parts), tuple(values))), at + 1
        if mark != ",":
            raise DescriptorError(f"expected a comma, found {mark!r}")
        at += 1


def _word(tokens: list[str], at: int) -> str:
    if at >= len(tokens):
        raise DescriptorError("a bracket is not closed")
    return tokens[at]


def _checked(found: Descriptor) -> Descriptor:
    names, count = _VALUES[found.kind], len(found.values)
    most = _PARTS.get(found.kind, 1)
    least = {"Failover": 2, "Const": 0}.get(found.kind, 1)
    optional = 1 if found.kind == "Offset" else 0
    if not least <= len(found.parts) <= most or not len(names) - optional <= count <= len(names):
        raise DescriptorError(f"{found} has too much or too little inside")
    for name, value in zip(names, found.values, strict=False):
        if not _fits(found.kind, name, value):
            raise DescriptorError(f"{value!r} in {found} is no {name}")
    return found


def _fits(kind: str, name: str, value: str) -> bool:
    if name == "index":
        return value in ("t", "x")
    try:
        number = float(value)
    except ValueError:
        return False
    real = (kind == "Const" and name == "value") or kind == "Scale"
    whole = re.fullmatch(r"-?\d+", value) is not None
    return abs(number) < float("inf") if real else whole and (name not in ("dim", "modulus") or number > 0)
