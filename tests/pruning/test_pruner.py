"""Phases, the cut, and that a run that was killed ends as one that was not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from asr_prune.acoustic.train import Trainer
from asr_prune.errors import UserError
from asr_prune.pruning.pruner import Pruner
from asr_prune.pruning.registry import method_names
from asr_prune.pruning.removal import shrink
from asr_prune.pruning.schedule import Phases, Schedule

MakeTrainer = Callable[..., Trainer]
ASKED: list[dict[str, Any]] = [
    {"method": "group_lasso", "keep": 0.5},
    {"method": "group_lasso", "keep": 0.5, "turn": True},
    {"method": "group_lasso", "keep": 0.5, "vectors": "incoming"},
    {"method": "group_lasso", "keep": 0.5, "solver": "subgradient"},
    {"method": "l2", "keep": 0.5},
    {"method": "l2", "keep": 0.5, "vectors": "incoming"},
    {"method": "guided", "keep": 0.5, "guide": "random_step"},
    {"method": "guided", "keep": 0.5, "norm": "l1", "vectors": "incoming"},
    {"method": "guided", "keep": 0.5, "norm": "l2", "cut": "prefix"},
    {"method": "l1", "keep": 0.5, "every": 3},
    {"method": "gradual", "keep": 0.5, "every": 7},
    {"method": "gradual", "keep": 0.5, "every": 7, "score": "inorm", "turn": True},
    {"method": "magnitude", "keep": 0.5, "score": "entropy"},
    {"method": "complexity", "keep": 0.5, "rate": 0.3, "patience": 5},
    {"method": "magnitude", "keep": 0.5},
    {"method": "magnitude", "keep": 0.5, "score": "inorm", "fine_tune": 0.0},
]
WITH_LOSS: list[dict[str, Any]] = [
    {"method": "group_lasso", "keep": 0.5, "every": 2, "rank": "taylor", "weights": "fisher", "reweight": True},
    {"method": "group_lasso", "keep": 0.5, "every": 2, "vectors": "both", "weights": "norm"},
    {"method": "magnitude", "keep": 0.5, "score": "fisher", "press": "1.5 epochs", "release_rate": 0.5},
    {"method": "gradual", "keep": 0.5, "every": 5, "score": "taylor", "warm_up": "20 updates"},
]


def pruner_of(trainer: Trainer) -> Pruner:
    assert isinstance(trainer.hooks, Pruner)
    return trainer.hooks


@pytest.mark.parametrize(("activation", "kind"), [("relu", "feed_forward"), ("sigmoid", "residual"), ("relu", "tdnnf")])
@pytest.mark.parametrize("prune", [*ASKED, *WITH_LOSS], ids=str)
def test_the_budget_is_hit_and_removal_exact(
    make_trainer: MakeTrainer, prune: dict[str, Any], activation: str, kind: str
) -> None:
    trainer = make_trainer(prune, {"optimiser": "sgd", "learning_rate": 0.05}, activation=activation, type=kind)
    trainer.run()
    cut = pruner_of(trainer).cut
    assert cut is not None
    assert sum(cut.nodes) == 28
    whole = pruner_of(trainer).removal.whole().eval()
    small, kept = shrink(whole)
    assert sum(small.widths) <= 28
    assert all(set(k) <= set(mask.nonzero().flatten().tolist()) for k, mask in zip(kept, cut.kept, strict=True))
    inputs = trainer.dev_frames.splice(torch.arange(50))
    assert torch.allclose(whole(inputs), small(inputs), atol=1e-5)
    assert torch.allclose(trainer.network.eval()(inputs), small(inputs), atol=1e-5)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
@pytest.mark.parametrize("prune", [*ASKED[:13], *WITH_LOSS], ids=str)
def test_resumed_equals_uninterrupted(make_trainer: MakeTrainer, prune: dict[str, Any], optimiser: str) -> None:
    setting = {"optimiser": optimiser, "learning_rate": 0.01}
    whole = make_trainer(prune, setting, "whole", dropout=0.2)
    whole.run()
    for epoch in (2, 4):
        part = make_trainer(prune, setting, f"part{epoch}", dropout=0.2)
        while part.epoch < epoch:
            part._one_epoch()
        resumed = make_trainer(prune, setting, f"part{epoch}", dropout=0.2)
        resumed.run()
        for name, value in whole.network.state_dict().items():
            assert torch.equal(value, resumed.network.state_dict()[name]), (epoch, name)
        assert [m.tolist() for m in pruner_of(whole).cut.kept] == [m.tolist() for m in pruner_of(resumed).cut.kept]


@pytest.mark.parametrize(
    "prune",
    [
        {"method": "group_lasso", "strength": 0.0, "min_nodes": 1},
        {"method": "group_lasso", "strength": 0.0, "solver": "subgradient"},
        {"method": "l2", "strength": 0.0},
        {"method": "l1", "strength": 0.0},
        {"method": "complexity", "strength": 0.0},
        *({"method": "guided", "strength": 0.0, "norm": norm, "min_nodes": 1} for norm in ("l1", "l2", "group")),
    ],
    ids=str,
)
def test_a_penalty_of_strength_zero_is_no_penalty(make_trainer: MakeTrainer, prune: dict[str, Any]) -> None:
    setting = {"optimiser": "adamw", "weight_decay": 0.0}
    plain, penalised = (
        make_trainer({"method": "none"}, setting, "a"),
        make_trainer(prune, setting, "b"),
    )
    plain.run()
    penalised.run()
    for name, value in plain.network.state_dict().items():
        assert torch.equal(value, penalised.network.state_dict()[name])


def test_penalised_vectors_have_weight_decay_while_no_penalty_acts(make_trainer: MakeTrainer) -> None:
    asked = {"method": "group_lasso", "vectors": "outgoing", "keep": 0.5, "warm_up": 0.3, "fine_tune": 0.3}
    trainer = make_trainer(asked)
    first, biases, penalised = trainer.optimiser.param_groups
    assert [p.shape for p in first["params"]] == [trainer.network.affine[0].weight.shape]
    found: dict[str, set[float]] = {}
    pruner, update = trainer.hooks, trainer._update
    assert isinstance(pruner, Pruner)

    def watched(*batch: Any) -> Any:
        found.setdefault(pruner.phase, set()).add(penalised["weight_decay"])
        assert (first["weight_decay"], biases["weight_decay"]) == (0.01, 0.0)
        return update(*batch)

    trainer._update = watched  # type: ignore[method-assign]
    trainer.run()
    assert found == {"warm_up": {0.01}, "sparsify": {0.0}, "fine_tune": {0.01}}


def test_phases_share_the_epochs() -> None:
    plan = Phases.of(100, 0.25, 0.3)
    assert (plan.sparsify_from, plan.cut_at, plan.steps) == (25, 70, 100)
    assert [plan.progress(step) for step in (0, 25, 70, 100)] == [0, 0, 1, 1]
    assert Phases.of(10, 0.0, 0.0).cut_at == 10


def test_the_press_takes_no_longer_than_it_may_and_the_rest_is_release() -> None:
    plan = Phases.of(400, 0.25, 0.3, "60 updates")
    assert (plan.sparsify_from, plan.cut_at) == (100, 160)
    assert Phases.of(400, "1.5 epochs", 0.3, 0.1, 8) == Phases(400, 75, 115)
    assert Phases.of(400, 0.25, "6 epochs", "9 epochs", 10) == Phases(400, 100, 160)
    with pytest.raises(UserError, match=r"warm_up takes 300 and prune\.fine_tune 120"):
        Phases.of(400, "300 updates", 0.3)


def test_a_release_may_have_a_learning_rate_schedule_of_its_own() -> None:
    assert Schedule(0.25, 0.3, "60 updates").parts(400) == [(400, 1.0)]
    assert Schedule(0.25, 0.3, "60 updates", 0.5).parts(400) == [(160, 1.0), (240, 0.5)]
    assert Schedule(0.25, 0.0, None, 0.5).parts(400) == [(400, 1.0)]


def test_the_learning_rate_rises_again_after_the_cut(make_trainer: MakeTrainer) -> None:
    asked = {
        "method": "magnitude",
        "keep": 0.5,
        "warm_up": 0.2,
        "press": "1 epochs",
        "fine_tune": 0.5,
        "release_rate": 0.5,
    }
    trainer = make_trainer(asked)
    trainer.run()
    cut = pruner_of(trainer).cut.step
    rates = [trainer.schedule.rate(step) for step in range(trainer.steps)]
    assert cut == round(0.2 * trainer.steps) + trainer.steps_per_epoch
    assert rates[cut - 1] < 0.1 * max(rates[:cut])
    assert max(rates[cut:]) == pytest.approx(0.5 * max(rates[:cut]), rel=0.02)


def test_removed_nodes_stay_removed_in_the_release(make_trainer: MakeTrainer) -> None:
    asked = {"method": "magnitude", "keep": 0.5, "live_shrink": False}
    trainer = make_trainer(asked, activation="sigmoid", train={"weight_decay": 0.1})
    trainer.run()
    for layer, kept in zip(trainer.network.node_layers(), pruner_of(trainer).cut.kept, strict=True):
        assert layer.outgoing.weight[:, ~kept].count_nonzero() == 0
        assert layer.incoming.weight[~kept].count_nonzero() == 0


LIVE: list[dict[str, Any]] = [
    {"method": "group_lasso", "keep": 0.5, "every": 2, "patience": 10},
    {"method": "group_lasso", "strength": 0.02, "vectors": "incoming", "every": 2, "patience": 6},
    {"method": "guided", "keep": 0.5, "every": 2, "patience": 10, "cut": "prefix"},
    {"method": "gradual", "keep": 0.5, "every": 7},
    {"method": "gradual", "keep": 0.5, "every": 7, "score": "inorm", "turn": True},
    {"method": "gradual", "keep": 0.5, "every": 7, "score": "fisher"},
    {"method": "group_lasso", "keep": 0.5, "every": 2, "patience": 10, "rank": "taylor", "weights": "norm"},
    {"method": "group_lasso", "strength": 0.02, "every": 2, "patience": 6, "vectors": "both"},
    {"method": "complexity", "keep": 0.4, "rate": 0.3, "patience": 5},
    {"method": "magnitude", "keep": 0.4},
]


@pytest.mark.parametrize(("activation", "kind"), [("relu", "residual"), ("sigmoid", "feed_forward"), ("relu", "tdnnf")])
@pytest.mark.parametrize("prune", LIVE, ids=str)
def test_shrinking_while_training_changes_nothing_but_the_size(
    make_trainer: MakeTrainer, prune: dict[str, Any], activation: str, kind: str
) -> None:
    train = {"epochs": 3, "batch": 20, "clip": 0.5, "learning_rate": 0.02}
    live, held = (
        make_trainer({**prune, "live_shrink": shrinks}, train, f"{shrinks}", activation=activation, type=kind)
        for shrinks in (True, False)
    )
    live.run()
    held.run()
    one, other = pruner_of(live), pruner_of(held)
    assert [m.tolist() for m in one.cut.kept] == [m.tolist() for m in other.cut.kept]
    assert sum(live.network.widths) == sum(one.cut.nodes) < sum(held.network.widths)
    inputs = live.dev_frames.splice(torch.arange(50))
    assert torch.allclose(live.network.eval()(inputs), held.network.eval()(inputs), atol=1e-4)
    for name, value in other.removal.whole().state_dict().items():
        assert torch.allclose(value, one.removal.whole().state_dict()[name], atol=1e-4), name
    assert live.metrics[-1]["macs"] < held.metrics[-1]["macs"]


def test_a_layer_of_fewer_nodes_has_less_dropout(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer({"method": "magnitude", "keep": 0.5}, {"epochs": 2}, dropout=0.3)
    trainer.run()
    shares = [kept / size for kept, size in zip(pruner_of(trainer).cut.nodes, (32, 24), strict=True)]
    assert trainer.network.dropouts == pytest.approx([0.3 * share for share in shares])
    assert max(shares) < 1


@pytest.mark.parametrize("name", method_names())
def test_newbob_judges_no_epoch_in_which_a_penalty_raises_the_loss(make_trainer: MakeTrainer, name: str) -> None:
    """Methods that add a term or remove nodes as they go, against those that train as the dense
    network does.
    """
    asked = {} if name in ("dsd", "map", "svd") else {"keep": 0.5}
    method = make_trainer({"method": name, **asked}).hooks.method  # type: ignore[attr-defined]
    raising = {"complexity", "gradual", "group_lasso", "guided", "l1", "l2", "map"}
    assert method.raises_dev == (name in raising)


@pytest.mark.parametrize("name", ["magnitude", "group_lasso", "none"])
def test_newbob_compares_no_network_with_one_before_its_cut(make_trainer: MakeTrainer, name: str) -> None:
    asked = {} if name == "none" else {"keep": 0.3}
    trainer = make_trainer({"method": name, **asked}, {"optimiser": "sgd", "learning_rate": 0.05, "epochs": 8})
    (schedule,) = trainer.schedule.schedules
    end_of_epoch, best = schedule.end_of_epoch, dict[int, float]()

    def noted(cross_entropy: float) -> None:
        best[trainer.epoch] = schedule.best  # type: ignore[union-attr]
        end_of_epoch(cross_entropy)

    schedule.end_of_epoch = noted  # type: ignore[method-assign]
    trainer.run()
    cut, entropies = pruner_of(trainer).cut, [row["dev_ce"] for row in trainer.metrics]
    last = math.ceil(cut.step / trainer.steps_per_epoch)
    for epoch, own in best.items():
        before = [other for other in best if other < epoch and (other >= last or epoch < last)]
        assert own == min([math.inf, *(entropies[other - 1] for other in before)])
    assert {*range(last, 9)} <= best.keys()


def tensors_in(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [each for item in value for each in tensors_in(item)] if isinstance(value, list | tuple) else []


@pytest.mark.parametrize("name", method_names())
def test_no_part_holds_the_graph_of_an_update(make_trainer: MakeTrainer, name: str) -> None:
    """What a method keeps from update to update has no history, which would grow and fill the
    memory.
    """
    asked = {} if name in ("dsd", "map", "svd") else {"keep": 0.5}
    trainer = make_trainer({"method": name, "warm_up": 0.0, "fine_tune": 0.0, **asked}, {"epochs": 9})
    trainer._one_epoch()
    for part in trainer.hooks.method.parts:  # type: ignore[attr-defined]
        for key, value in vars(part).items():
            assert not [each for each in tensors_in(value) if each.grad_fn is not None], (type(part), key)


@pytest.mark.parametrize("shrinks", [True, False])
def test_nodes_that_are_gone_leave_the_network_at_once_if_asked(make_trainer: MakeTrainer, shrinks: bool) -> None:
    asked = {"method": "gradual", "keep": 0.5, "every": 7, "live_shrink": shrinks}
    trainer = make_trainer(asked, {"epochs": 12})
    while pruner_of(trainer).cut is None:
        widths = sum(trainer.network.widths)
        trainer._one_epoch()
    assert (widths < 56) == shrinks


@pytest.mark.parametrize("prune", [LIVE[1], *LIVE[3:5]], ids=str)
def test_nodes_go_before_the_cut(make_trainer: MakeTrainer, prune: dict[str, Any]) -> None:
    trainer = make_trainer(prune, {"epochs": 20})
    sizes = []
    while pruner_of(trainer).cut is None:
        trainer._one_epoch()
        sizes.append(sum(trainer.network.widths))
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) > 2
