"""The sparsity that is asked for, and reached, update by update."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.errors import UserError
from asr_prune.pruning.methods.map.method import Map
from asr_prune.pruning.methods.map.options import MapOptions
from asr_prune.pruning.methods.map.schedule import MapSchedule
from asr_prune.pruning.schedule import Phases

from .slow import slow_schedule


def made(prune: dict[str, Any], hidden: tuple[int, ...], steps: int, seed: int = 0) -> tuple[FeedForward, Map]:
    torch.manual_seed(seed)
    network = FeedForward(6, hidden, 5)
    method = Map(MapOptions(method="map", **prune), network.node_layers())
    method.start(torch.optim.SGD(network.parameters(), lr=0.1), method.schedule.phases_of(steps))
    return network, method


@settings(max_examples=20)
@given(
    final=st.floats(0.0, 0.95),
    every=st.integers(1, 7),
    switch=st.floats(0.1, 1.0),
    before=st.floats(0.0, 0.99),
    node=st.booleans(),
    threshold=st.sampled_from(["global", "layer"]),
    seed=st.integers(0, 99),
)
def test_sparsity_follows_its_schedule(
    final: float, every: int, switch: float, before: float, node: bool, threshold: str, seed: int
) -> None:
    asked: dict[str, Any] = {"granularity": "node", "keep": 1 - final} if node else {"sparsity": final}
    common = {
        "every": every,
        "start": before * switch,
        "switch": switch,
        "threshold": threshold,
        "min_nodes": 1,
        "floor": 0.0,
    }
    network, method = made({**asked, **common}, (20, 15), 40, seed)
    for step in range(1, 41):
        method.after_backward()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.05 * torch.randn_like(parameter)
        method.after_step(step)
    units = 35 if node else sum(layer.weight.numel() for layer in network.affine)
    for row in method.audit():
        first, switch_at = method.schedule.first, method.schedule.switch_at
        wanted = slow_schedule(method.schedule.asked, row["update"] - first, switch_at - first)
        assert row["sparsity_asked"] == pytest.approx(wanted, abs=1e-6)
        layers = threshold == "layer" and not node
        assert abs(row["sparsity_reached"] - wanted) <= (3 if layers else 1) / units + 1e-6
        assert row["update"] % every == 0 or row["update"] == method.schedule.switch_at
    assert abs(method.schedule.asked - final) <= 1 / 35
    assert bool(method.weights.masks) == (method.schedule.asked > 0)
    for weight, mask in zip(method.weights.maskable, method.weights.masks, strict=False):
        assert not weight[~mask.expand_as(weight)].any()


@pytest.mark.parametrize(
    ("begin", "switch", "expected"),
    [
        (0.1, 0.5, (10, 50)),
        ("1 epoch", "5 epochs", (10, 50)),
        (0.1, "50 updates", (10, 50)),
        ("10 updates", 0.5, (10, 50)),
        ("1 epoch", 1.0, (10, 100)),
    ],
)
def test_lengths_are_counted_from_the_first_update(begin: float, switch: float, expected: tuple[int, int]) -> None:
    schedule = MapSchedule(begin, switch, 0.5)
    schedule.epochs = 10
    schedule.start(Phases(100, 0, 100))
    assert (schedule.first, schedule.switch_at) == expected


@pytest.mark.parametrize(("begin", "switch"), [("60 updates", 0.5), (0.0, "101 updates")])
def test_lengths_that_do_not_fit_are_refused(begin: float, switch: float) -> None:
    schedule = MapSchedule(begin, switch, 0.5)
    with pytest.raises(UserError, match=r"the run has 100 updates, and map masks from .*; make them shorter or raise"):
        schedule.start(Phases(100, 0, 100))
