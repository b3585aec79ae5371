"""Modules of a user's own whose parts stand in several places, or are written in other ways."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import asr_prune
from asr_prune.pruning.pairs import NodePair, PrunableModule, find_pairs

from .test_modules import data, sequential, train


def test_an_activation_that_stands_twice_is_applied_twice() -> None:
    torch.manual_seed(0)
    act = nn.ReLU()
    model = nn.Sequential(nn.Linear(5, 16), act, nn.Linear(16, 16), act, nn.Linear(16, 3))
    with torch.no_grad():
        model[2].weight[3], model[2].bias[3] = 0, -1.0
    assert [layer.activation for layer in PrunableModule(model, find_pairs(model)).node_layers()] == [torch.relu] * 2
    assert asr_prune.verify(model, asr_prune.shrink(model), torch.randn(10, 5)).holds


def test_what_mixes_nodes_is_refused_in_its_second_place_too() -> None:
    norm = nn.LayerNorm(8)
    model = nn.Sequential(norm, nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), norm, nn.Linear(8, 4))
    with pytest.raises(ValueError, match="a LayerNorm stands between"):
        PrunableModule(model, find_pairs(model))


@pytest.mark.parametrize("activation", [F.relu, nn.ReLU(), torch.relu])
def test_relu_is_recognised_however_it_is_written(activation: Any) -> None:
    model = nn.ModuleDict({"a": nn.Linear(4, 8), "b": nn.Linear(8, 2)})
    (layer,) = PrunableModule(model, [NodePair("a", "b", activation)]).node_layers()
    assert layer.activation is torch.relu


class Looked(nn.Module):
    """Reads numbers of words."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(20, 8)
        self.inner, self.outer = nn.Linear(8, 16), nn.Linear(16, 3)

    def forward(self, words: Tensor) -> Tensor:
        return self.outer(torch.relu(self.inner(self.words(words))))  # type: ignore[no-any-return]


def test_a_module_that_reads_numbers_is_verified() -> None:
    torch.manual_seed(0)
    model, words = Looked(), torch.randint(0, 20, (30,))
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    pruner = asr_prune.prune(model, "l2", keep=0.5, optimiser=optimiser, steps=20, pairs=[("inner", "outer")])
    for _ in range(20):
        loss = F.cross_entropy(model(words), words % 3) + pruner.penalty()
        optimiser.zero_grad()
        loss.backward()
        pruner.after_backward()
        optimiser.step()
        pruner.after_step()
    pruner.finish()
    small = asr_prune.shrink(model)
    assert small.inner.out_features == 8
    assert asr_prune.verify(model, small, words).holds


def test_names_of_parameters_go_where_the_parameters_go() -> None:
    model = sequential()
    optimiser = torch.optim.AdamW(model.named_parameters(), lr=1e-3, weight_decay=0.1)
    asr_prune.prune(model, "group_lasso", vectors="outgoing", keep=0.5, optimiser=optimiser, steps=60)
    names = {name: id(parameter) for name, parameter in model.named_parameters()}
    for group in optimiser.param_groups:
        assert [names[name] for name in group["param_names"]] == [id(p) for p in group["params"]]


def test_nodes_leave_an_optimiser_whose_state_has_other_shapes() -> None:
    model = sequential()
    optimiser = torch.optim.Adafactor(model.parameters(), lr=0.01)
    pruner = asr_prune.prune(model, "gradual", keep=0.5, optimiser=optimiser, steps=60, live_shrink=True)
    train(model, optimiser, pruner)
    assert asr_prune.verify(model, asr_prune.shrink(model), data()[0]).holds


def test_map_by_nodes_keeps_a_fifth_and_the_floor_of_it() -> None:
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    pruner = asr_prune.prune(model, "map", granularity="node", optimiser=optimiser, steps=40)
    assert pruner.hooks.method.nodes.target == 26
    assert pruner.hooks.method.nodes.minima == [10, 10]


def test_magnitude_by_weights_presses_as_long_as_it_is_asked_to() -> None:
    model = sequential()
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    asked = {"granularity": "weight", "warm_up": 0.2, "press": "50 updates", "fine_tune": 0.4}
    pruner = asr_prune.prune(model, "magnitude", optimiser=optimiser, steps=1000, **asked)
    own = pruner.hooks.method.schedule.own
    assert (own.sparsify_from, own.cut_at) == (200, 250)
