"""The lines of an nnet3 file that name its nodes (Kaldi: nnet3/nnet-nnet.cc, GetConfigLines)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from asr_prune.nnet3.descriptor import Descriptor, DescriptorError, OperatorError, parse_descriptor

RANGE = "dim-range-node"
_PAIR = re.compile(r"([a-zA-Z][\w-]*)=(.*?)(?=\s+[a-zA-Z][\w-]*=|\s*$)")
#: what a line must say, and what it may say, by its first word
_KEYS = {
    "input-node": (("name", "dim"), ()),
    "component-node": (("name", "component", "input"), ()),
    "output-node": (("name", "input"), ("objective",)),
    RANGE: (("name", "input-node", "dim-offset", "dim"), ()),
}


@dataclass(frozen=True)
class GraphNode:
    """A node of the graph.

    kind: "input-node", "component-node", "output-node" or "dim-range-node". settings: all other
    values of the line as text, in its order. input: what the node reads, None for an input-node
    and a dim-range-node, which reads part of the node settings["input-node"]. unknown: why
    an expression cannot be computed, which is then in `settings` and not in `input`, else "".
    """

    kind: str
    name: str
    settings: dict[str, str] = field(default_factory=dict)
    input: Descriptor | None = None
    unknown: str = ""

    @property
    def component(self) -> str:
        """The name of the component of a component-node, "" for other nodes."""
        return self.settings.get("component", "")

    @property
    def reads(self) -> list[str]:
        """The names of the nodes that it reads, as often as it reads them."""
        if self.kind == RANGE:
            return [self.settings["input-node"]]
        return [*self.input.nodes()] if self.input else []

    def line(self) -> str:
        """The line of the file."""
        pairs = {"name": self.name, **self.settings}
        if self.input is not None:
            pairs["input"] = str(self.input)
        order = [key for keys in _KEYS[self.kind] for key in keys]
        return " ".join([self.kind, *(f"{key}={pairs[key]}" for key in order if key in pairs)])


def range_of(each: GraphNode) -> slice:
    """The values of its node that a dim-range-node takes."""
    first = int(each.settings["dim-offset"])
    return slice(first, first + int(each.settings["dim"]))


def parse_line(line: str) -> GraphNode:
    """Reads a line, also one whose expression has an unknown operator. Raises DescriptorError if
    it is none that Kaldi writes.
    """
    kind, _, rest = line.partition(" ")
    if kind not in _KEYS:
        raise DescriptorError(f"{kind[:40]!r} begins no line of a graph ({', '.join(_KEYS)} do)")
    pairs = dict(_PAIR.findall(rest))
    required, optional = _KEYS[kind]
    missing = [key for key in required if not pairs.get(key)]
    unknown = [key for key in pairs if key not in (*required, *optional)]
    if missing or unknown:
        what = f"has no {missing[0]}=" if missing else f"has {unknown[0]}="
        raise DescriptorError(f"the {kind} {pairs.get('name', '')!r} {what}")
    for key in ("dim", "dim-offset"):
        if key in pairs and not pairs[key].isdigit():
            raise DescriptorError(f"the {kind} {pairs['name']!r} has {key}={pairs[key]}")
    name, text = pairs.pop("name"), pairs.pop("input", "")
    try:
        return GraphNode(kind, name, pairs, parse_descriptor(text) if text else None)
    except DescriptorError as error:
        what = f"the {kind} {name!r} reads {text!r}, but {error}"
        if isinstance(error, OperatorError):
            return GraphNode(kind, name, pairs | {"input": text}, unknown=what)
        raise DescriptorError(what) from None
