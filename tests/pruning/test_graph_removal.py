"""Removal of nodes from networks that are made from nnet3 graphs."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import optim

from asr_prune.acoustic.architectures import from_shape
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.acoustic.network import size_of
from asr_prune.nnet3.model import Nnet3
from asr_prune.pruning.budget import BudgetOptions
from asr_prune.pruning.costs import spent_by
from asr_prune.pruning.removal import narrow, shrink, widen, zero_nodes
from tests.nnet3.conftest import renorm_model, tdnnf_model

FRAMES = torch.from_numpy(np.random.default_rng(0).normal(size=(25, 6)).astype(np.float64))


def network_of(seed: int = 0, make: Callable[..., Nnet3] = tdnnf_model) -> GraphNetwork:
    """In double precision."""
    return GraphNetwork.of(make(seed, layers=3), 3, Path("final.mdl")).double()


def outputs(network: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = network(FRAMES)
    return found


@settings(max_examples=25)
@given(st.data())
def test_masked_is_removed(data: st.DataObject) -> None:
    """Any nodes, by either side; tied widths, both normalisations and bottlenecks alike."""
    make = data.draw(st.sampled_from([tdnnf_model, renorm_model]))
    network = network_of(data.draw(st.integers(0, 5)), make)
    kept = [torch.tensor(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) for n in network.widths]
    masked = deepcopy(network)
    zero_nodes(masked.node_layers(), kept, fold=data.draw(st.booleans()))
    small, found = shrink(masked)
    torch.testing.assert_close(outputs(small), outputs(masked), rtol=1e-9, atol=1e-9)
    assert [len(index) for index in found] == small.widths
    assert all(n <= int(mask.sum()) for n, mask in zip(small.widths, kept, strict=True))


@settings(max_examples=25)
@given(st.data())
def test_deleted_nodes_are_those_whose_outputs_count_as_zero(data: st.DataObject) -> None:
    """Without folding, a removed node's values are 0 for all that read it: a slow loop over hooks."""
    network = network_of(1)
    masks = [torch.tensor(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) for n in network.widths]
    small = deepcopy(network)
    zero_nodes(small.node_layers(), masks, fold=False)
    small, _ = shrink(small)
    for layer, mask in zip(network.node_layers(), masks, strict=True):
        layer.outgoing.register_forward_pre_hook(lambda _, inputs, mask=mask: (inputs[0] * mask,))
    torch.testing.assert_close(outputs(small), outputs(network), rtol=1e-9, atol=1e-9)


def test_what_is_left_is_normalised_by_its_own_mean() -> None:
    """A slow loop over the frames of the first layer."""
    network, kept = network_of(2, renorm_model), torch.arange(8) % 3 > 0
    values = dict[str, torch.Tensor]()
    for kind in ("relu", "renorm"):
        part = network.parts[f"tdnn1/{kind}"]
        part.register_forward_hook(lambda _, __, y, kind=kind: values.update({kind: y}))
    zero_nodes(network.node_layers(), [kept, *(torch.ones(n, dtype=torch.bool) for n in network.widths[1:])], False)
    network(FRAMES)
    for before, after in zip(values["relu"], values["renorm"], strict=True):
        mean = sum(float(x) ** 2 for x in before[kept].detach()) / int(kept.sum())
        assert after.tolist() == pytest.approx([0.5 * float(x) / mean**0.5 for x in before.detach()], rel=1e-9)


def test_a_gate_that_is_zero_knows_what_its_node_would_be_worth() -> None:
    """Or no node that is off could come back: the slope by a difference, off the mean of the others."""
    network = network_of(1, renorm_model)
    gate = network.node_layers()[1].outgoing.weight
    with torch.no_grad():
        gate[0, 3] = 0
    network(FRAMES).sum().backward()
    values, step = [], 1e-6
    assert gate.grad is not None
    part = network.parts["tdnn2/renorm"]
    whole = part.forward
    kept = torch.arange(8) != 3
    part.forward = lambda x, _: whole(x, kept)  # type: ignore[assignment]
    for moved in (step, -step):
        with torch.no_grad():
            gate[0, 3] = moved
        values.append(float(outputs(network).sum()))
    assert float(gate.grad[0, 3]) == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-5)
    assert abs(float(gate.grad[0, 3])) > 1e-4


def test_a_network_that_was_saved_before_its_normalised_nodes_were_removable_is_read() -> None:
    shape = network_of(0, renorm_model).shape()
    for spec in shape["parts"].values():
        if spec["kind"] == "NormalizeComponent":
            spec["block"] = spec["size"]
    assert from_shape(shape).widths == []


def test_a_constant_node_is_folded_with_its_batch_normalisation() -> None:
    network = network_of()
    layer = network.node_layers()[-1]
    with torch.no_grad():
        layer.incoming.weight[2] = 0
    small, kept = shrink(network)
    assert kept[-1] == [0, 1, 3, 4, 5, 6, 7]
    torch.testing.assert_close(outputs(small), outputs(network), rtol=1e-9, atol=1e-9)


def test_narrowed_and_widened_again_with_the_state_of_the_optimiser() -> None:
    network = network_of()
    optimiser = optim.AdamW([p for p in network.parameters() if p.requires_grad])
    network(FRAMES).square().sum().backward()
    optimiser.step()
    wide = outputs(network)
    kept = [torch.ones(n, dtype=torch.bool) for n in network.widths]
    kept[0][5], kept[1][0] = False, False
    zero_nodes(network.node_layers(), kept, fold=False)
    masked = outputs(network)
    narrow(network.node_layers(), kept, optimiser)
    torch.testing.assert_close(outputs(network), masked)
    network(FRAMES).square().sum().backward()
    optimiser.step()
    optimiser.zero_grad()
    index = [mask.nonzero().flatten() for mask in kept]
    copy = deepcopy(network)
    widen(copy.node_layers(), index, [len(mask) for mask in kept])
    torch.testing.assert_close(outputs(copy), outputs(network))
    assert copy.widths == [8, 3, 3, 3, 3, 8]
    assert not torch.equal(wide, masked)


@pytest.mark.parametrize("kind", ["macs", "params"])
def test_the_price_of_nodes_is_the_size_of_the_network(kind: str) -> None:
    network = network_of()
    spent = spent_by(BudgetOptions(**{kind: 0.5}), network.node_layers())
    kept = [torch.arange(n) < k for n, k in zip(network.widths, [5, 2, 1, 3, 2, 6], strict=True)]
    small = deepcopy(network)
    narrow(small.node_layers(), kept)
    for each in (network, small):
        assert spent(np.array(each.widths, float)) == pytest.approx(getattr(size_of(each), kind), abs=1)
