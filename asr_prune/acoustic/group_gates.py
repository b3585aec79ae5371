"""Factors of nodes that several maps make or read together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from asr_prune.acoustic.graph_groups import Group
from asr_prune.acoustic.graph_parts import module_key


class Gate(nn.Linear):
    """A factor for each node, as a map: `incoming` has one column, `outgoing` one row.

    A group of nodes that several maps make or read together has two: its nodes are removed by
    zeros in them, as those of any layer.
    """

    #: no map of the network that costs anything
    virtual = True

    def __init__(self, nodes: int, incoming: bool) -> None:
        super().__init__(1 if incoming else nodes, nodes if incoming else 1, bias=incoming)
        nn.init.ones_(self.weight)
        if incoming:
            self.bias = nn.Parameter(torch.zeros(nodes), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """[frames, nodes]."""
        return x * self.weight.flatten()


class GroupGates(nn.ModuleDict):
    """The two gates of each group that is not plain. sizes: numbers of nodes, by the group's name."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        pairs = {name: [Gate(nodes, True), Gate(nodes, False)] for name, nodes in sizes.items()}
        super().__init__({module_key(name): nn.ModuleList(pair) for name, pair in pairs.items()})

    def of(self, group: Group) -> tuple[Gate, Gate]:
        return cast("tuple[Gate, Gate]", tuple(cast("nn.ModuleList", self[module_key(group.name)])))

    def factors(self, group: Group) -> Tensor:
        """What the nodes of a group are multiplied by, [nodes]."""
        incoming, outgoing = self.of(group)
        return incoming.weight.flatten() * outgoing.weight.flatten()

    def kept(self, group: Group) -> Tensor:
        """The nodes whose gates are not zero, boolean [nodes]."""
        incoming, outgoing = self.of(group)
        return (incoming.weight.flatten() != 0) & (outgoing.weight.flatten() != 0)


class GatedValues(Mapping[str, Tensor]):
    """Values of nodes as maps read them: those of gated groups times both gates."""

    def __init__(self, values: Mapping[str, Tensor], groups: Mapping[str, Group], gates: GroupGates) -> None:
        self.values_, self.groups, self.gates = values, groups, gates

    def __getitem__(self, name: str) -> Tensor:
        value = self.values_[name]
        if name not in self.groups:
            return value
        incoming, outgoing = self.gates.of(self.groups[name])
        gated: Tensor = outgoing(incoming(value))
        return gated

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)
