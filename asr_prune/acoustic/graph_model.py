"""An nnet3 model with the weights and the widths of a network that was made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.acoustic.graph_parts import FIXED, GraphMap
from asr_prune.acoustic.thin import multiply_maps
from asr_prune.nnet3.components import Component
from asr_prune.nnet3.model import Nnet3

#: what a map without a bias becomes when it has got one
_BIASED = {
    "RankIn": 20,
    "RankOut": 80,
    "UpdatePeriod": 4,
    "NumSamplesHistory": np.float32(2000),
    "Alpha": np.float32(4),
}


@torch.no_grad()
def cut_model(model: Nnet3, network: GraphNetwork, kept: Sequence[Sequence[int]]) -> Nnet3:
    """`model` with the weights of `network`, and only its nodes.

    model: that `network` was made from; kept: for each of its layers of nodes the indices of those
    that it has. Nodes and components that `output` does not need are left out. A layer without
    nodes keeps one that is zero, since Kaldi has no empty matrices.
    """
    whole = deepcopy(network)
    multiply_maps(whole)
    names = {node.name for node in whole.nodes}
    nodes = [node for node in model.nodes if node.name in names]
    index = _index_of_nodes(whole, kept)
    components: dict[str, Component] = {}
    for node in nodes:
        if node.component and node.component not in components:
            old, part = model.components[node.component], whole.part(node.name)
            if isinstance(part, GraphMap) and old.kind != FIXED:
                components[node.component] = _map(old, part, whole.gate_of(node.name))
            else:
                components[node.component] = _cut(old, index.get(node.name))
    return replace(
        model, nodes=nodes, components={name: components[name] for name in model.components if name in components}
    )


def _index_of_nodes(network: GraphNetwork, kept: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
    """For each node between maps whose values are removed, the indices of those that remain."""
    pairs = zip(network.groups, kept, strict=True)
    return {name: np.array(index or [0], np.int64) for group, index in pairs for name in group.between}


def _map(old: Component, part: GraphMap, gate: torch.Tensor | None) -> Component:
    weight, bias = part.weight if gate is None else part.weight * gate, part.bias
    rows, columns = max(1, weight.shape[0]), max(1, weight.shape[-1])
    values = np.zeros((rows, *weight.shape[1:-1], columns), np.float32)
    values[: weight.shape[0], ..., : weight.shape[-1]] = weight.cpu().numpy()
    biases = np.zeros(rows, np.float32)
    biases[: len(bias)] = bias.cpu().numpy()
    name = "Params" if old.kind == "LinearComponent" else "LinearParams"
    fields = {**old.fields, name: values.reshape(rows, -1)}
    if old.kind == "LinearComponent":
        return _with_bias(fields, biases) if biases.any() else Component(old.kind, fields)
    if old.bias is not None or biases.any():
        fields["BiasParams"] = biases
    return Component(old.kind, fields)


def _with_bias(fields: Mapping[str, Any], biases: np.ndarray) -> Component:
    """A LinearComponent that takes up constants of removed nodes is an affine one."""
    common = {key: value for key, value in fields.items() if key in ("MaxChange", "L2Regularize", "LearningRate")}
    weights = {"LinearParams": fields["Params"], "BiasParams": biases}
    return Component("NaturalGradientAffineComponent", {**common, **weights, **_BIASED})


def _cut(old: Component, index: np.ndarray | None) -> Component:
    """A component between maps, of the values `index` alone; None: as it is."""
    size = old.dims[1]
    if index is None or np.array_equal(index, np.arange(size)):
        return old
    fields = dict(old.fields)
    for name, value in old.fields.items():
        if name in ("Dim", "InputDim", "BlockDim"):
            fields[name] = len(index)
        elif isinstance(value, np.ndarray) and len(value):
            fields[name] = np.resize(value, size)[index]
    return Component(old.kind, fields)
