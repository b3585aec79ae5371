"""How the graph of an nnet3 model is computed, and its layers of nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from asr_prune.acoustic.graph_parts import Scaling
from asr_prune.acoustic.node_layer import Along, NodeLayer, through
from asr_prune.nnet3.descriptor import Descriptor
from asr_prune.nnet3.plan import FramePlan


class Chained:
    """Parts in sequence, as an activation function of all nodes of a layer."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        self.parts = parts

    def __call__(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x


class GraphLayer(NodeLayer):
    """A layer whose activation has values of its own for each node, as batch normalisation has."""

    def constants(self, nodes: Tensor) -> Tensor:
        return self.activation(self.incoming.bias)[nodes]

    @torch.no_grad()
    def absorb(self, nodes: Tensor, constants: Tensor) -> None:
        if not self.gated:
            super().absorb(nodes, constants)
            return
        maps = self.reading()
        for each, values in zip(maps, constants.expand(len(maps), -1), strict=True):
            if each.bias is not None:  # a factored map has none, and no constants are left by then
                each.bias.add_(through(each.weight, nodes, values))


class JoinedLeaf:
    """A leaf of several utterances, see `plan.FrameLeaf`. rows: None if they are all rows in order."""

    def __init__(self, source: str, rows: np.ndarray, exists: np.ndarray | None, count: int, device: Any) -> None:
        self.source = source
        whole = len(rows) == count and bool((rows == np.arange(count)).all())
        self.rows = None if whole else torch.from_numpy(rows).to(device)
        self.exists = None if exists is None else torch.from_numpy(exists).to(device)


class Joined:
    """The plans of several utterances, whose frames are concatenated.

    counts: frames of each node; inputs: for each input the frames, int64 [frames]; lengths: outputs
    of each utterance.
    """

    def __init__(self, plans: Sequence[FramePlan], lengths: Tensor, device: torch.device) -> None:
        first = plans[0]
        self.counts = {name: sum(plan.counts[name] for plan in plans) for name in first.counts}
        starts = {name: _starts([plan.counts[name] for plan in plans]) for name in first.counts}
        begins = _starts(lengths.tolist())
        self.inputs = {
            name: torch.from_numpy(np.concatenate([p.inputs[name] + at for p, at in zip(plans, begins, strict=True)]))
            for name in first.inputs
        }
        self.inputs = {name: rows.to(device) for name, rows in self.inputs.items()}
        self.leaves = {
            name: [self._leaf(plans, name, i, starts, device) for i in range(len(first.leaves[name]))]
            for name in first.leaves
        }
        self.lengths = [plan.outputs for plan in plans]

    def _leaf(
        self, plans: Sequence[FramePlan], name: str, place: int, starts: Mapping[str, list[int]], device: torch.device
    ) -> JoinedLeaf:
        leaves = [plan.leaves[name][place] for plan in plans]
        source = leaves[0].source
        rows = np.concatenate([leaf.rows + at for leaf, at in zip(leaves, starts[source], strict=True)])
        exists = None
        if any(leaf.exists is not None for leaf in leaves):
            exists = np.concatenate([np.ones(len(x.rows), bool) if x.exists is None else x.exists for x in leaves])
        return JoinedLeaf(source, rows, exists, self.counts[source], device)


def _starts(counts: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(counts)[:-1].tolist()]


def evaluate_descriptor(
    source: Descriptor, leaves: Iterator[JoinedLeaf], values: Mapping[str, Tensor], count: int, like: Tensor
) -> tuple[Tensor, Tensor | None]:
    """The value of an expression, [count, values], and where it exists, boolean [count], None if
    everywhere. leaves: its leaves in order; like: of the dtype and device.
    """
    if source.kind == "node":
        leaf = next(leaves)
        value = values[leaf.source]
        return value if leaf.rows is None else value[leaf.rows], leaf.exists
    if source.kind == "Const":
        return like.new_full((count, int(source.values[1])), source.number(0)), None
    found = [evaluate_descriptor(part, leaves, values, count, like) for part in source.parts]
    parts, there = [part for part, _ in found], [where for _, where in found]
    if source.kind == "IfDefined":
        return (parts[0] if there[0] is None else parts[0].where(there[0][:, None], 0)), None
    if source.kind == "Failover":
        if there[0] is None:
            return parts[0], None
        either = None if there[1] is None else there[0] | there[1]
        return parts[0].where(there[0][:, None], parts[1]), either
    known = [where for where in there if where is not None]
    both = torch.stack(known).all(0) if known else None
    if source.kind == "Append":
        return torch.cat(parts, 1), both
    if source.kind == "Sum":
        return sum(parts[1:], parts[0]), both
    return (parts[0] * source.number(0) if source.kind == "Scale" else parts[0]), both


def scalings(between: Sequence[nn.Module]) -> list[Along]:
    """The values that parts have for each node."""
    return [(part, name, 0) for part in between if isinstance(part, Scaling) for name in ("scale", "offset")]
