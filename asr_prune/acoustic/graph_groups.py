"""The nodes of an nnet3 graph that can be removed: values that only maps make and read.

Values that are summed are removed together: the widths of a bypass are one group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from asr_prune.acoustic.graph_parts import ACTIVATING, DROPOUT, FIXED, MAPS, NORMALISING, PASSING, SCALING
from asr_prune.nnet3.components import Component
from asr_prune.nnet3.graph import aligned, reads, spliced_node
from asr_prune.nnet3.graph_lines import GraphNode

_ELEMENTWISE = (*ACTIVATING, DROPOUT, *PASSING, *SCALING)


@dataclass
class Group:
    """Values that are removed together. Names of nodes: makers and readers are maps, between are
    the nodes in the order in which they are computed. plain: one maker and one reader, and each
    node between computes its values one by one from those of the one before; others are gated.
    """

    makers: list[str] = field(default_factory=list)
    between: list[str] = field(default_factory=list)
    readers: list[str] = field(default_factory=list)
    plain: bool = True

    @property
    def name(self) -> str:
        return self.makers[0]


class _Ties:
    """Nodes whose values are tied, and those that cannot be removed."""

    def __init__(self) -> None:
        self.parents: dict[str, str] = {}
        self.fixed: set[str] = set()

    def root(self, name: str) -> str:
        parent = self.parents.setdefault(name, name)
        return name if parent == name else self.root(parent)

    def tie(self, one: str, other: str) -> None:
        self.parents[self.root(one)] = self.root(other)


def groups_of(nodes: Sequence[GraphNode], components: Mapping[str, Component]) -> list[Group]:
    """All groups, in the order of their first maker."""
    kinds, known = {name: part.kind for name, part in components.items()}, dict(components)
    uses = [each.component for each in nodes if each.component]
    ties, groups, inputs = _Ties(), dict[str, Group](), dict[str, str]()
    for each in nodes:
        if each.input is None:  # an input, or part of a node, which then keeps its place
            ties.fixed.update([each.name, *each.reads])
            continue
        source, kind = reads(each, known), kinds.get(each.component, "")
        shared = uses.count(each.component) > 1
        spliced = spliced_node(source)
        if kind in MAPS:
            if kind == FIXED or shared:
                ties.fixed.add(each.name)
            if spliced and not shared and kind != FIXED:
                inputs[each.name] = spliced[0]
            else:
                ties.fixed.update(source.nodes())
        elif _removable(known.get(each.component)) and aligned(source) and not shared:
            for name in source.nodes():
                ties.tie(name, each.name)
        else:
            ties.fixed.update([each.name, *source.nodes()])
    fixed = {ties.root(name) for name in ties.fixed}
    for each in nodes:
        group = groups.setdefault(ties.root(each.name), Group())
        (group.makers if kinds.get(each.component) in MAPS else group.between).append(each.name)
    for name, source_name in inputs.items():
        groups[ties.root(source_name)].readers.append(name)
    found = [group for root, group in groups.items() if root not in fixed and group.makers and group.readers]
    by_name = {each.name: each for each in nodes}
    for group in found:
        depends = any(kinds.get(by_name[name].component) == NORMALISING for name in group.between)
        group.plain = not depends and _is_plain(group, by_name, inputs)
    return found


def _removable(component: Component | None) -> bool:
    """Whether any values of a component can be removed: it computes each for itself, or brings all
    of a frame to one size and gives no others.
    """
    if component is None or component.kind != NORMALISING:
        return component is not None and component.kind in _ELEMENTWISE
    # networks that were saved before such components were removable give the size of their block
    return not component.fields["BlockDim"] and not component.fields["AddLogStddev"]


def _is_plain(group: Group, nodes: Mapping[str, GraphNode], inputs: Mapping[str, str]) -> bool:
    if len(group.makers) > 1 or len(group.readers) > 1:
        return False
    chain = [group.makers[0], *group.between]
    steps = all(
        found is not None and found.kind == "node" and found.name == before
        for before, found in zip(chain, (nodes[name].input for name in group.between), strict=False)
    )
    return steps and inputs[group.readers[0]] == chain[-1]
