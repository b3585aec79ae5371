"""Magnitude attention against loops written from the formulas."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.optimiser import make_optimiser
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.methods.map.method import Map, attention, exploited
from asr_prune.pruning.methods.map.options import MapOptions
from asr_prune.pruning.removal import shrink

MakeTrainer = Callable[..., Trainer]
Matrix = list[list[float]]


def slow_schedule(final: float, t: int, switch: int) -> float:
    return final * (1 - (1 - t / switch) ** 3) if t < switch else final


def slow_attention(layers: list[Matrix], beta: float, scale: str) -> list[Matrix]:
    tops = [max(abs(w) for row in layer for w in row) for layer in layers]
    tops = [max(tops)] * len(tops) if scale == "global" else tops
    return [[[(abs(w) / top) ** beta for w in row] for row in x] for x, top in zip(layers, tops, strict=True)]


def slow_masks(layers: list[Matrix], sparsity: float, threshold: str) -> list[Matrix]:
    """1 for the top (1 - sparsity) by magnitude, of all layers together or of each."""
    pools = [[w for x in layers for row in x for w in row]] * len(layers)
    if threshold == "layer":
        pools = [[w for row in x for w in row] for x in layers]
    masks = []
    for x, pool in zip(layers, pools, strict=True):
        kept = round((1 - sparsity) * len(pool))
        least = sorted((abs(w) for w in pool), reverse=True)[kept - 1]
        masks.append([[float(abs(w) >= least) for w in row] for row in x])
    return masks


def slow_factors(masks: list[Matrix], att: list[Matrix], fade: float) -> tuple[list[Matrix], list[Matrix]]:
    """Of the forward pass, M + (1 - M) a (1 - t/T), and of the update, M + (1 - M) a."""
    pairs = [list(zip(m, a, strict=True)) for m, a in zip(masks, att, strict=True)]
    forward = [[[m + (1 - m) * a * fade for m, a in zip(*rows, strict=True)] for rows in layer] for layer in pairs]
    update = [[[m + (1 - m) * a for m, a in zip(*rows, strict=True)] for rows in layer] for layer in pairs]
    return forward, update


def slow_exploitation(masks: list[Matrix], att: list[Matrix]) -> list[Matrix]:
    """Of the update: attention over its mean among the layer's survivors, at most 2, and 0 for the rest."""
    found = []
    for m, a in zip(masks, att, strict=True):
        alive = [x for ms, xs in zip(m, a, strict=True) for keep, x in zip(ms, xs, strict=True) if keep]
        mean = sum(alive) / len(alive)
        found.append(
            [[k * min(2.0, x / mean) for k, x in zip(ks, xs, strict=True)] for ks, xs in zip(m, a, strict=True)]
        )
    return found


def slow_map(trainer: Trainer, asked: dict[str, Any]) -> FeedForward:
    """The whole training, weight by weight in plain lists."""
    network = FeedForward(trainer.network.affine[0].in_features, trainer.network.widths, 7).double()
    network.load_state_dict(trainer.network.state_dict())
    optimiser = make_optimiser(network, trainer.options, [])
    weights = [layer.weight for layer in network.affine]
    options = MapOptions(method="map", **asked).plan
    switch, first, t = round(options.switch * trainer.steps), round(options.start * trainer.steps), 0
    forward, update, masks = None, None, []
    for epoch in range(1, trainer.options.epochs + 1):
        order = torch.Generator().manual_seed(trainer.seed * 100003 + epoch)
        for inputs, labels in trainer.train_frames.batches(trainer.options.batch, order):
            for group in optimiser.param_groups:
                group["lr"] = trainer.schedule.rate(t)
            kept = [w.detach().clone() for w in weights]
            if forward:
                for w, factor in zip(weights, forward, strict=True):
                    w.data.mul_(torch.tensor(factor, dtype=torch.float64))
            loss = nn.functional.cross_entropy(network(inputs), labels)
            optimiser.zero_grad()
            loss.backward()
            for w, k in zip(weights, kept, strict=True):
                w.data.copy_(k)
            nn.utils.clip_grad_norm_(network.parameters(), trainer.options.clip)
            optimiser.step()
            if update:
                for w, k, factor in zip(weights, kept, update, strict=True):
                    w.data.copy_(k + torch.tensor(factor, dtype=torch.float64) * (w.data - k))
            t += 1
            if (t % asked["every"] == 0 and t >= first) or t == switch:
                layers = [w.tolist() for w in weights]
                att = slow_attention(layers, asked["beta"], asked["scale"])
                if t <= switch:
                    masks = slow_masks(
                        layers, slow_schedule(asked["sparsity"], t - first, switch - first), asked["threshold"]
                    )
                if t < switch:
                    forward, update = slow_factors(masks, att, 1 - (t - first) / (switch - first))
                else:
                    plain = options.exploitation == "plain"
                    forward, update = None, masks if plain else slow_exploitation(masks, att)
                if t == switch:
                    for w, mask in zip(weights, masks, strict=True):
                        w.data.mul_(torch.tensor(mask))
    return network


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
@pytest.mark.parametrize(
    "asked",
    [
        {"sparsity": 0.8, "beta": 1.0, "every": 1, "threshold": "global", "scale": "layer"},
        {"sparsity": 0.6, "beta": 0.5, "every": 4, "threshold": "layer", "scale": "global"},
        {
            "sparsity": 0.7,
            "beta": 1.0,
            "every": 3,
            "threshold": "global",
            "scale": "layer",
            "start": 0.2,
            "switch": 0.6,
            "exploitation": "plain",
        },
    ],
    ids=["every update", "every fourth", "late and plain"],
)
def test_training_is_the_formulas(make_trainer: MakeTrainer, asked: dict[str, Any], optimiser: str) -> None:
    train = {"optimiser": optimiser, "epochs": 2, "learning_rate": 0.005, "halve_below": 0.0}
    trainer = make_trainer({"method": "map", **asked}, train, hidden=(9, 8))
    trainer.network.double()
    trainer.hooks.method.start(trainer.optimiser, trainer.hooks.phases)
    expected = slow_map(trainer, asked)
    trainer.run()
    for name, value in expected.state_dict().items():
        ours = trainer.hooks.before_cut[name]
        assert (ours == 0).tolist() == (value == 0).tolist()
        assert torch.allclose(ours, value, atol=1e-9)
    inputs = trainer.dev_frames.splice(torch.arange(50)).double()
    assert torch.allclose(trainer.network.eval()(inputs), expected(inputs), atol=1e-9)


@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=20).filter(lambda row: max(map(abs, row)) > 1e-3),
    st.floats(0, 3),
)
def test_attention_is_a_share_of_the_largest(values: list[float], beta: float) -> None:
    found = attention(torch.tensor([values], dtype=torch.float64).abs(), beta, None)
    assert found[0].tolist() == pytest.approx(slow_attention([[values]], beta, "layer")[0][0])
    assert float(found.max()) == 1


def test_in_the_exploitation_factors_have_mean_one_before_the_cap() -> None:
    att = torch.tensor([[0.1, 0.2, 0.3, 0.9, 1.0]], dtype=torch.float64)
    mask = torch.tensor([[True, True, True, True, False]])
    assert exploited(att, mask)[0].tolist() == pytest.approx(
        slow_exploitation([mask.double().tolist()], [att.tolist()])[0][0]
    )
    even = exploited(torch.full((2, 3), 0.4), torch.ones(2, 3, dtype=torch.bool))
    assert even.tolist() == [[1.0] * 3] * 2


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


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize(
    "asked",
    [
        {"sparsity": 0.9},
        {"granularity": "node", "keep": 0.5},
        {"sparsity": 0.7, "output_layer": False},
    ],
    ids=str,
)
def test_removal_is_exact_and_what_is_masked_is_zero(
    make_trainer: MakeTrainer, asked: dict[str, Any], activation: str
) -> None:
    trainer = make_trainer({"method": "map", "every": 4, **asked}, activation=activation)
    trainer.run()
    method, cut = trainer.hooks.method, trainer.hooks.cut
    for weight, mask in zip(method.weights.maskable, method.weights.masks, strict=True):
        assert not weight[~mask.expand_as(weight)].any()
    assert cut.norm_mass_removed == 0
    assert cut.dev_ce_before == cut.dev_ce_after == trainer.metrics[-1]["dev_ce"]
    small, kept = shrink(trainer.network.eval())
    if "keep" in asked:
        assert sum(cut.nodes) == 28
    if asked == {"sparsity": 0.9}:
        weights = [layer.weight for layer in trainer.network.affine]
        assert sum(int(w.count_nonzero()) for w in weights) <= round(0.1 * sum(w.numel() for w in weights))
    assert all(set(k) <= set(m.nonzero().flatten().tolist()) for k, m in zip(kept, cut.kept, strict=True))
    inputs = trainer.dev_frames.splice(torch.arange(50))
    assert torch.allclose(trainer.network.double()(inputs.double()), small.double()(inputs.double()), atol=1e-9)


def test_dev_figures_are_of_the_network_that_computes(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer({"method": "map", "sparsity": 0.9, "every": 4, "switch": 0.75})
    while trainer.epoch < 3:
        trainer._one_epoch()
    method = trainer.hooks.method
    assert method.weights.exploring
    with torch.no_grad():
        for weight, factor in zip(method.weights.maskable, method.weights.forward, strict=True):
            weight.mul_(factor)
        method.weights.forward = []
        assert trainer.quality().cross_entropy == pytest.approx(trainer.metrics[-1]["dev_ce"], rel=1e-6)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
@pytest.mark.parametrize("asked", [{"sparsity": 0.8}, {"granularity": "node", "keep": 0.5, "every": 5}], ids=str)
def test_resumed_equals_uninterrupted(
    make_trainer: MakeTrainer, tmp_path: Path, asked: dict[str, Any], optimiser: str
) -> None:
    prune, setting = {"method": "map", **asked}, {"optimiser": optimiser, "epochs": 4}
    whole = make_trainer(prune, setting, "whole", dropout=0.2)
    whole.run()
    for epoch in range(1, 4):
        part = make_trainer(prune, setting, f"part{epoch}", dropout=0.2)
        while part.epoch < epoch:
            part._one_epoch()
        part._pass()
        part.hooks.end_of_epoch(part.quality())  # killed after it wrote its trail and before the checkpoint
        resumed = make_trainer(prune, setting, f"part{epoch}", dropout=0.2)
        resumed.run()
        for name, value in whole.network.state_dict().items():
            assert torch.equal(value, resumed.network.state_dict()[name]), (epoch, name)
        for file in ("attention.jsonl", "trail.jsonl"):
            assert (tmp_path / "whole" / file).read_text() == (tmp_path / f"part{epoch}" / file).read_text(), file


@pytest.mark.parametrize("asked", [{"sparsity": 0.0}, {"granularity": "node", "keep": 1.0}], ids=str)
def test_masking_nothing_is_none(make_trainer: MakeTrainer, asked: dict[str, Any]) -> None:
    plain = make_trainer({"method": "none"}, {}, "a", dropout=0.2)
    idle = make_trainer({"method": "map", **asked}, {}, "b", dropout=0.2)
    plain.run()
    idle.run()
    for name, value in plain.network.state_dict().items():
        assert torch.equal(value, idle.network.state_dict()[name])


def test_the_log_adds_up(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    trainer = make_trainer({"method": "map", "sparsity": 0.8, "every": 8})
    trainer.run()
    rows = [json.loads(line) for line in (tmp_path / "run/attention.jsonl").read_text().splitlines()]
    assert rows[0]["phase"] == "exploration"
    assert rows[-1]["phase"] == "exploitation"
    kept = [layer.weight.numel() for layer in trainer.network.affine]
    for row in rows:
        change = zip(kept, row["regrown"], row["dropped"], strict=True)
        kept = [before + back - gone for before, back, gone in change]
        assert row["kept"] == kept
        assert all(0 < a <= 1 for a in row["mean_attention"])
    assert kept == [int(mask.sum()) for mask in trainer.hooks.method.weights.masks]
    assert any(sum(row["regrown"]) for row in rows)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"keep": 0.5}, "keep counts nodes"),
        ({"granularity": "node", "sparsity": 0.5}, "sparsity counts weights"),
        ({"strength": 0.1}, "map has no strength"),
        ({"beta": -1.0}, "beta must be 0 or more"),
        ({"switch": 0.0}, "switch above 0"),
        ({"start": 0.5, "switch": 0.4}, "start must be at least 0 and below switch"),
        ({"every": 0}, "every 1 or more"),
    ],
)
def test_what_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MapOptions(method="map", **asked)
