"""Dense-sparse-dense against a loop written from Han et al.'s algorithm."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn, optim

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.train import Trainer
from asr_prune.errors import UserError
from asr_prune.pruning.methods.dsd.method import Dsd
from asr_prune.pruning.methods.dsd.options import DsdOptions
from asr_prune.pruning.removal import shrink
from asr_prune.pruning.schedule import Phases

MakeTrainer = Callable[..., Trainer]
SGD = {
    "optimiser": "sgd",
    "learning_rate": 0.05,
    "momentum": 0.0,
    "weight_decay": 0.0,
    "clip": 0.0,
    "epochs": 3,
}


def slow_masks(trainer: Trainer, network: FeedForward, keep: float) -> list[list[list[float]]]:
    """1 for each layer's keep * N largest weights, as Algorithm 1 sorts them; the output layer is left whole."""
    masks = []
    for layer in network.affine[:-1]:
        flat = sorted((abs(w) for row in layer.weight.tolist() for w in row), reverse=True)
        least = flat[round(keep * len(flat)) - 1]
        masks.append([[float(abs(w) >= least) for w in row] for row in layer.weight.tolist()])
    return masks


def slow_dsd(trainer: Trainer, keep: float, rates: list[float]) -> list[dict[str, torch.Tensor]]:
    """The network after each of three phases of one epoch each, plain gradient descent."""
    network = FeedForward(trainer.network.affine[0].in_features, trainer.network.widths, 7)
    network.load_state_dict(trainer.network.state_dict())
    masks: list[torch.Tensor] = []
    ends = []
    for phase, rate in enumerate(rates):
        masks = [torch.tensor(mask) for mask in slow_masks(trainer, network, keep)] if phase == 1 else []
        order = torch.Generator().manual_seed(trainer.seed * 100003 + phase + 1)
        for inputs, labels in trainer.train_frames.batches(trainer.options.batch, order):
            with torch.no_grad():
                for layer, mask in zip(network.affine, masks, strict=False):
                    layer.weight.mul_(mask)
            network.zero_grad()
            nn.functional.cross_entropy(network(inputs), labels).backward()
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter -= rate * parameter.grad
                for layer, mask in zip(network.affine, masks, strict=False):
                    layer.weight.mul_(mask)
        ends.append({name: value.detach().clone() for name, value in network.state_dict().items()})
    return ends


def test_three_phases_are_the_algorithm(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(
        {"method": "dsd", "sparsity": 0.4, "restart": True}, {**SGD, "halve_below": 0.0}, hidden=(12, 9)
    )
    expected = slow_dsd(trainer, 0.6, [0.05, 0.005, 0.0005])
    trainer.run()
    for ours, theirs in (
        (trainer.hooks.snapshots["sparse"], expected[1]),
        (trainer.network.state_dict(), expected[2]),
    ):
        for name, value in theirs.items():
            assert torch.allclose(ours[name], value, atol=1e-6), name
    assert [row["phase"] for row in trainer.metrics] == ["dense", "sparse", "re-dense"]
    assert [row["learning_rate"] for row in trainer.metrics] == pytest.approx([0.005, 0.0005, 0.0005])


@pytest.mark.parametrize("output", [True, False])
def test_each_layer_loses_the_same_share(make_trainer: MakeTrainer, output: bool) -> None:
    trainer = make_trainer({"method": "dsd", "sparsity": 0.25, "output_layer": output}, {"epochs": 3})
    trainer.run()
    state = trainer.hooks.snapshots["sparse"]
    counts = [(state[f"{name}.weight"].numel(), int(state[f"{name}.weight"].count_nonzero())) for name in NAMES]
    assert [kept for _, kept in counts[:2]] == [round(0.75 * n) for n, _ in counts[:2]]
    assert counts[2][1] == (round(0.75 * counts[2][0]) if output else counts[2][0])
    assert all(value.count_nonzero() == value.numel() for value in (layer.weight for layer in trainer.network.affine))


NAMES = ("hidden.0", "hidden.1", "output")


def test_nodes_lose_their_outgoing_vectors_only(make_trainer: MakeTrainer) -> None:
    asked = {"method": "dsd", "granularity": "node", "keep": 0.5}
    trainer = make_trainer(asked, {"epochs": 3}, activation="sigmoid")
    trainer.run()
    sparse = trainer.hooks.snapshots["sparse"]
    assert [int((sparse[f"{name}.weight"].norm(dim=0) > 0).sum()) for name in NAMES[1:]] == [16, 12]
    assert [int((sparse[f"{name}.weight"].norm(dim=1) > 0).sum()) for name in NAMES[:2]] == [32, 24]
    small = FeedForward(trainer.network.affine[0].in_features, (32, 24), 7, "sigmoid")
    small.load_state_dict(sparse)
    assert shrink(small)[0].widths == [16, 12]
    assert shrink(trainer.network)[0].widths == [32, 24]
    assert trainer.hooks.cut.norm_mass_removed == 0
    assert trainer.hooks.cut.dev_ce_before == trainer.hooks.cut.dev_ce_after


def test_the_largest_of_a_layer_stay(make_trainer: MakeTrainer) -> None:
    network = FeedForward(5, (10, 9), 4)
    method = Dsd(DsdOptions(method="dsd", granularity="node", keep=0.4, min_nodes=1), network.node_layers())
    for layer, mask in zip(network.node_layers(), method.weights.strongest(), strict=True):
        ranked = layer.norms("product").argsort(descending=True).tolist()
        assert set(mask[0].nonzero().flatten().tolist()) == set(ranked[: round(0.4 * layer.size)])


@settings(max_examples=12)
@given(
    keep=st.floats(0.2, 1.0),
    hidden=st.lists(st.integers(9, 24), min_size=1, max_size=3),
    cycles=st.integers(1, 2),
    node=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_cycle_leaves_the_node_count_alone(
    keep: float, hidden: list[int], cycles: int, node: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    network = FeedForward(6, hidden, 5, "sigmoid")
    asked: dict[str, Any] = {"granularity": "node", "keep": keep} if node else {"sparsity": min(1 - keep, 0.9)}
    method = Dsd(DsdOptions(method="dsd", cycles=cycles, **asked), network.node_layers())
    optimiser = optim.AdamW(network.parameters(), lr=1e-2)
    steps = 3 * (1 + 2 * cycles)
    method.start(optimiser, method.schedule.phases_of(steps))
    inputs, labels = torch.randn(16, 6), torch.randint(0, 5, (16,))
    for step in range(1, steps + 1):
        network.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        method.after_backward()
        optimiser.step()
        method.after_step(step)
    assert all(bool(mask.all()) for mask in method.finish())
    assert shrink(network)[0].widths == hidden
    assert all(int(layer.weight.count_nonzero()) == layer.weight.numel() for layer in network.affine)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
@pytest.mark.parametrize("asked", [{"sparsity": 0.5}, {"granularity": "node", "keep": 0.5, "cycles": 2}], ids=str)
def test_resumed_equals_uninterrupted(make_trainer: MakeTrainer, asked: dict[str, Any], optimiser: str) -> None:
    prune, setting = {"method": "dsd", **asked}, {"optimiser": optimiser, "epochs": 5}
    whole = make_trainer(prune, setting, "whole", dropout=0.2)
    whole.run()
    for epoch in range(1, 5):
        part = make_trainer(prune, setting, f"part{epoch}", dropout=0.2)
        while part.epoch < epoch:
            part._one_epoch()
        resumed = make_trainer(prune, setting, f"part{epoch}", dropout=0.2)
        resumed.run()
        for name, value in whole.network.state_dict().items():
            assert torch.equal(value, resumed.network.state_dict()[name]), (epoch, name)
        for name, value in whole.hooks.snapshots["sparse"].items():
            assert torch.equal(value, resumed.hooks.snapshots["sparse"][name]), (epoch, name)
        for name, value in whole.hooks.method.histograms().items():
            assert torch.equal(value, resumed.hooks.method.histograms()[name]), (epoch, name)


@pytest.mark.parametrize("asked", [{"sparsity": 0.0}, {"granularity": "node", "keep": 1.0}], ids=str)
@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_masking_nothing_is_none(make_trainer: MakeTrainer, asked: dict[str, Any], optimiser: str) -> None:
    plain = make_trainer({"method": "none"}, {"optimiser": optimiser}, "a", dropout=0.2)
    idle = make_trainer({"method": "dsd", **asked}, {"optimiser": optimiser}, "b", dropout=0.2)
    plain.run()
    idle.run()
    for name, value in plain.network.state_dict().items():
        assert torch.equal(value, idle.network.state_dict()[name])


@given(steps=st.integers(7, 500), first=st.floats(0.01, 0.9), cycles=st.integers(1, 3))
def test_phases_share_the_updates(steps: int, first: float, cycles: int) -> None:
    rest = (1 - first) / (2 * cycles)
    options = DsdOptions(method="dsd", cycles=cycles, restart=True, shares=(first, *[rest] * (2 * cycles)))
    parts = Dsd(options, FeedForward(3, (9,), 2).node_layers()).schedule.parts(steps)
    assert sum(updates for updates, _ in parts) == steps
    assert min(updates for updates, _ in parts) >= 1
    assert [factor for _, factor in parts] == pytest.approx([0.1**i for i in range(1 + 2 * cycles)])
    if min(first, rest) * steps > 4:
        assert abs(parts[0][0] - first * steps) <= 1


def test_shares_may_be_counted() -> None:
    options = DsdOptions(method="dsd", shares=("3 epochs", "4 updates"))
    schedule = Dsd(options, FeedForward(3, (9,), 2).node_layers()).schedule
    schedule.epochs = 10
    assert schedule.lengths(50) == [15, 4, 31]
    options.check_epochs(4)
    with pytest.raises(ValueError, match="leave something of the 3 epochs of the run for the last phase"):
        options.check_epochs(3)
    with pytest.raises(UserError, match=r"the run has 5 updates, of which prune\.shares takes 6 before the last phase"):
        schedule.lengths(5)
    fractions = DsdOptions(method="dsd", shares=(0.5, 0.25))
    assert Dsd(fractions, FeedForward(3, (9,), 2).node_layers()).schedule.lengths(40) == [20, 10, 10]


def test_without_restarts_the_run_has_one_schedule_and_the_same_phases() -> None:
    shares = (0.5, 0.25, 0.25)
    ends = []
    for restart in (True, False):
        options = DsdOptions(method="dsd", restart=restart, shares=shares)
        schedule = Dsd(options, FeedForward(3, (9,), 2).node_layers()).schedule
        schedule.start(Phases(40, 0, 40))
        ends.append(schedule.ends)
        assert len(schedule.parts(40)) == (3 if restart else 1)
    assert ends == [[20, 30, 40]] * 2
    assert schedule.parts(40) == [(40, 1.0)]


def test_histograms_hold_every_weight_of_each_phase(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer({"method": "dsd", "sparsity": 0.5}, {"epochs": 3})
    trainer.run()
    found = trainer.hooks.method.histograms()
    assert list(found) == ["edges", "1 dense", "2 sparse", "3 re-dense"]
    sizes = [layer.weight.numel() for layer in trainer.network.affine]
    assert all(found[name].sum(1).tolist() == sizes for name in list(found)[1:])
    middle = len(found["edges"]) // 2 - 1
    assert found["edges"][middle] < 0 < found["edges"][middle + 1]
    assert int(found["2 sparse"][0, middle]) >= sizes[0] // 2 > int(found["1 dense"][0, middle])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"keep": 0.5}, "keep counts nodes; with granularity weight give sparsity"),
        (
            {"granularity": "node", "sparsity": 0.5},
            "sparsity counts weights; with granularity node give keep",
        ),
        ({"strength": 0.1}, "dsd has no strength; give sparsity"),
        ({"sparsity": 1.0}, "sparsity must be at least 0 and below 1, not 1.0"),
        ({"fine_tune": 0.5}, "dsd has phases of its own; leave warm_up and fine_tune at 0"),
        ({"cycles": 0}, "cycles must be 1 or more"),
        ({"restart": False, "rates": (1.0, 0.1, 0.1)}, "set restart: true, or leave rates out"),
        ({"restart": True, "rates": (1.0, 0.1)}, "rates must have 3 entries, one a phase, not 2"),
        ({"shares": (0.5, 0.6, 0.1)}, "shares must add up to 1, not to 1.2"),
        ({"cycles": 2, "shares": (0.5, 0.0, 0.1, 0.2, 0.2)}, "shares must be above 0"),
        ({"shares": (0.5,)}, "shares must have 3 entries, one a phase, or lack the last, not 1"),
        ({"shares": (0.5, 0.5)}, "shares must leave something for the last phase; they add up to 1"),
        ({"shares": ("2 epochs", 0.2, 0.5)}, "shares with a length such as 2 epochs must leave the last phase out"),
        ({"shares": ("2 hours", 0.2)}, "shares must be a fraction of the updates, or a length such as 2 epochs"),
        ({"shares": ("0 epochs", 0.2)}, "shares must be above 0"),
    ],
)
def test_what_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        DsdOptions(method="dsd", **asked)


def test_a_run_too_short_for_its_phases_is_refused(tmp_path: Path) -> None:
    method = Dsd(DsdOptions(method="dsd"), FeedForward(3, (9,), 2).node_layers())
    with pytest.raises(UserError, match=r"dsd has 3 phases and the run 2 updates; raise train\.epochs"):
        method.schedule.parts(2)
    assert method.schedule.phases_of(9) == Phases(9, 0, 9)
    assert math.isclose(DsdOptions(method="dsd").masked, 0.3)


@pytest.mark.parametrize(
    ("hidden", "keep", "said"),
    [
        ((64, 64), 0.05, "requests 6 of 128 hidden nodes in the sparse phase, but min_nodes 8 leaves 16; raise keep"),
        ((300, 128, 8), 0.1, r"requests 44 of 436 .* leaves 51; raise keep or lower min_nodes \(to 1\)"),
        ((8, 8), 0.7, "requests 12 of 16"),
        ((12,) * 8, 0.9, ""),
        ((64, 64), 0.125, ""),
        ((8, 8), None, ""),
    ],
)
def test_a_sparse_phase_that_cannot_be_so_small_is_refused(hidden: tuple[int, ...], keep: float, said: str) -> None:
    options = DsdOptions(method="dsd", granularity="node", keep=keep)
    if said:
        with pytest.raises(ValueError, match=said):
            options.check_nodes(hidden)
    else:
        options.check_nodes(hidden)
