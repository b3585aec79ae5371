"""Means of nodes with gates, in imported networks, against a loop over frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.acoustic.graph_parts import GraphMap
from asr_prune.nnet3.descriptor import Descriptor
from asr_prune.nnet3.graph import reads
from asr_prune.nnet3.model import Nnet3
from asr_prune.pruning.methods.magnitude.method import EntropyScore
from asr_prune.pruning.methods.magnitude.options import MagnitudeOptions
from asr_prune.pruning.nodes import Nodes
from asr_prune.pruning.removal import fold_means, zero_nodes
from tests.nnet3.conftest import renorm_model, tdnnf_model
from tests.nnet3.reference import Reference


def terms(source: Descriptor, t: int) -> Iterator[tuple[str, int]]:
    """The nodes that an expression reads at time t, and when."""
    if source.kind == "Offset":
        t += int(source.values[0])
    if source.kind == "node" and source.name != "ivector":
        yield source.name, t
    for part in source.parts:
        yield from terms(part, t)


def times(model: Nnet3, frames: int) -> dict[str, set[int]]:
    """When each node is computed for an output at each frame."""
    needed: dict[str, set[int]] = {each.name: set() for each in model.nodes}
    needed["output"] = set(range(frames))
    for each in reversed(model.nodes):
        if each.input is not None:
            for t in needed[each.name]:
                for name, when in terms(reads(each, model.components), t):
                    needed[name].add(when)
    return needed


def slow_mean(model: Nnet3, reader: str, utterances: list[np.ndarray], context: tuple[int, int]) -> np.ndarray:
    """Of what the map `reader` reads, over the frames that it joins."""
    node, values = model.node(reader), []
    for frames in utterances:
        slow = Reference(model, {"input": frames[:, :4], "ivector": frames[:, 4:]}, context)
        for t in times(model, len(frames))[reader]:
            values += [slow.at(name, when) for name, when in terms(reads(node, model.components), t)]
    return np.mean(np.stack([v for v in values if v is not None]), 0)


def scored(network: GraphNetwork, utterances: list[np.ndarray]) -> EntropyScore:
    options = MagnitudeOptions(method="magnitude", score="entropy", keep=0.5)
    score = EntropyScore(Nodes(network.node_layers(), options), 0.0)
    score.look(lambda: [network(torch.from_numpy(frames)) for frames in utterances])
    return score


def utterances(seed: int = 0) -> list[np.ndarray]:
    """The i-vector of an utterance is that of all its frames."""
    dice = np.random.default_rng(seed)
    made = [dice.normal(1, 1, (frames, 6)).astype(np.float32) for frames in (7, 12)]
    for frames in made:
        frames[:, 4:] = frames[0, 4:]
    return made


@pytest.mark.parametrize("make", [renorm_model, tdnnf_model])
def test_each_map_gets_the_mean_of_what_it_reads(make: Callable[..., Any]) -> None:
    model, heard = make(seed=3), utterances()
    network = GraphNetwork.of(model, 1, Path("final.mdl"))
    old = {name: part.bias.detach().clone() for name, part in network.parts.items() if isinstance(part, GraphMap)}
    score, layers = scored(network, heard), network.node_layers()
    gone = [torch.arange(layer.size) % 3 == 1 for layer in layers]
    gated = [group.name for group in network.groups if not group.plain]
    kept = [~g if group.name in gated else torch.ones_like(g) for g, group in zip(gone, network.groups, strict=True)]
    fold_means(layers, kept, score.constants())
    expected = dict(old)
    for group, nodes in zip(network.groups, gone, strict=True):
        for reader in group.readers if not group.plain else ():
            component = model.components[model.node(reader).component]
            mean = slow_mean(model, reader, heard, network.context)
            weight = torch.from_numpy(component.weight.reshape(len(component.weight), -1, len(mean)).sum(1))
            folded = weight[:, nodes] @ torch.from_numpy(mean).float()[nodes]
            expected[reader.replace(".", "/")] = expected[reader.replace(".", "/")] + folded
    assert gated
    for name, bias in expected.items():
        torch.testing.assert_close(network.parts[name].bias.detach(), bias, rtol=1e-4, atol=1e-5)
    assert any(not torch.equal(bias, old[name]) for name, bias in expected.items())


def test_nodes_that_are_constant_leave_the_function() -> None:
    """Where what a map reads of a node is its mean in every frame, nothing is lost with it."""
    model, heard = tdnnf_model(seed=4), utterances(1)
    group = next(group for group in GraphNetwork.of(model, 1, "model").groups if not group.plain)
    for name in group.makers:
        fields = model.components[name].fields
        fields["LinearParams"] = np.where(
            np.arange(len(fields["LinearParams"]))[:, None] % 3 == 1, 0, fields["LinearParams"]
        )
    network = GraphNetwork.of(model, 1, Path("final.mdl"))
    before = [network(torch.from_numpy(frames)) for frames in heard]
    score, layers = scored(network, heard), network.node_layers()
    places = [g.name == group.name for g in network.groups]
    kept = [~((torch.arange(layer.size) % 3 == 1) & mine) for layer, mine in zip(layers, places, strict=True)]
    fold_means(layers, kept, score.constants())
    zero_nodes(layers, kept, fold=False)
    for frames, outputs in zip(heard, before, strict=True):
        torch.testing.assert_close(network(torch.from_numpy(frames)), outputs, rtol=1e-4, atol=1e-4)
