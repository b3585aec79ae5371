"""The part of an nnet3 graph that one output needs, in the order in which it is computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asr_prune.errors import UserError
from asr_prune.nnet3.components import LAYOUTS, Component
from asr_prune.nnet3.descriptor import Descriptor, node
from asr_prune.nnet3.graph_lines import RANGE, GraphNode, range_of
from asr_prune.nnet3.model import Nnet3

#: the output node that decoders read
OUTPUT = "output"
#: operators whose values are those of one node at another time
_SHIFTS = ("Offset", "Round")
#: operators that keep the place of each value in a vector
_ALIGNED = (*_SHIFTS, "Scale", "Sum", "node")


def needed_nodes(model: Nnet3, where: object) -> list[GraphNode]:
    """The nodes that `output` needs, each after those that it reads. where: for messages.

    Raises UserError if there is no such output, if it is recurrent, or if one of these nodes has a
    component or an operator that is not known. What other nodes have does not matter.
    """
    by_name, ordered, open_ = {each.name: each for each in model.nodes}, dict[str, GraphNode](), set[str]()
    if by_name.get(OUTPUT, GraphNode("", "")).kind != "output-node":
        raise UserError(f"{where}: there is no output-node {OUTPUT!r}; give the model that decodes.")

    def visit(name: str) -> None:
        if name in ordered:
            return
        if name in open_:
            raise UserError(f"{where}: the node {name!r} reads its own output; recurrent models are not supported.")
        open_.add(name)
        each = by_name[name]
        _check_known(each, model.components, where)
        for read in each.reads:
            visit(read)
        ordered[name] = each

    visit(OUTPUT)
    return list(ordered.values())


def _check_known(each: GraphNode, components: dict[str, Component], where: object) -> None:
    if each.unknown:
        raise UserError(f"{where}: the graph cannot be used: {each.unknown}.")
    if each.component and (kind := components[each.component].kind) not in LAYOUTS:
        what = f"is of the type {kind}, which is not supported (supported: {', '.join(LAYOUTS)})"
        raise UserError(f"{where}: the node {each.name!r} {what}.")


def reads(each: GraphNode, components: dict[str, Component]) -> Descriptor:
    """What a node reads, a TdnnComponent's time offsets written out; of a dim-range-node the node
    of which it is a part.
    """
    if each.kind == RANGE:
        return node(each.settings["input-node"])
    assert each.input is not None
    offsets = components[each.component].fields.get("TimeOffsets") if each.component else None
    if offsets is None:
        return each.input
    return Descriptor("Append", tuple(_shifted(each.input, offset) for offset in offsets))


def _shifted(source: Descriptor, offset: int) -> Descriptor:
    return Descriptor("Offset", (source,), (str(offset),)) if offset else source


def appended(source: Descriptor) -> Iterator[Descriptor]:
    """The terms of an Append, also of nested ones; any other expression is one term."""
    if source.kind == "Append":
        for part in source.parts:
            yield from appended(part)
    elif source.kind in _SHIFTS and source.parts[0].kind == "Append":
        for part in source.parts[0].parts:
            yield from appended(Descriptor(source.kind, (part,), source.values))
    else:
        yield source


def spliced_node(source: Descriptor) -> tuple[str, int] | None:
    """(node, terms) of an expression that joins frames of one node and nothing else; else None."""
    names = []
    for term in appended(source):
        while term.kind in _SHIFTS:
            term = term.parts[0]
        names.append(term.name if term.kind == "node" else "")
    return (names[0], len(names)) if len(set(names)) == 1 and names[0] else None


def aligned(source: Descriptor) -> bool:
    """Whether value j of an expression depends on value j of each node in it alone."""
    return source.kind in _ALIGNED and all(aligned(part) for part in source.parts)


def sizes_of(nodes: Sequence[GraphNode], components: dict[str, Component], where: object) -> dict[str, int]:
    """Values of a frame of each node. Raises UserError if a component reads another number."""
    sizes: dict[str, int] = {}
    for each in nodes:
        if each.kind == "input-node":
            sizes[each.name] = int(each.settings["dim"])
            continue
        if each.kind == RANGE:
            sizes[each.name] = _range_size(each, sizes, where)
            continue
        assert each.input is not None
        size = _size(each.input, sizes, each.name, where)
        sizes[each.name] = size
        if each.component:
            inputs, sizes[each.name] = components[each.component].dims
            if inputs != size:
                raise UserError(f"{where}: the node {each.name!r} reads {size} values, its component {inputs}.")
    return sizes


def _range_size(each: GraphNode, sizes: dict[str, int], where: object) -> int:
    values, whole = range_of(each), sizes[each.settings["input-node"]]
    if not 0 <= values.start < values.stop <= whole:
        what = f"takes the values from {values.start} to {values.stop} of {whole}"
        raise UserError(f"{where}: the node {each.name!r} {what}.")
    return values.stop - values.start


def _size(source: Descriptor, sizes: dict[str, int], name: str, where: object) -> int:
    if source.kind == "node":
        return sizes[source.name]
    if source.kind == "Const":
        return int(source.values[1])
    parts = [_size(part, sizes, name, where) for part in source.parts]
    if source.kind == "Append":
        return sum(parts)
    if len(set(parts)) > 1:
        raise UserError(f"{where}: the node {name!r} joins {source}, whose parts have {parts} values.")
    return parts[0]
