"""Magnitude attention against loops written from the formulas."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.methods.map.method import attention, exploited
from asr_prune.pruning.removal import shrink

from .slow import slow_attention, slow_exploitation, slow_map

MakeTrainer = Callable[..., Trainer]


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
