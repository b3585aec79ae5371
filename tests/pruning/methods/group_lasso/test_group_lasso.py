"""Group lasso against loops written from its formula, and its steering."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.methods.group_lasso.method import GroupLasso
from asr_prune.pruning.methods.group_lasso.options import GroupLassoOptions
from asr_prune.pruning.pruner import Pruner
from asr_prune.pruning.schedule import Phases


def make(**options: object) -> tuple[FeedForward, GroupLasso]:
    torch.manual_seed(0)
    network = FeedForward(5, (6, 4), 3).double()
    return network, GroupLasso(GroupLassoOptions(method="group_lasso", min_nodes=1, **options), network.node_layers())


def slow_penalty(network: FeedForward, vectors: str, strength: float, scaled: bool) -> float:
    total = 0.0
    for level in range(len(network.affine) - 1):
        for j in range(network.affine[level].out_features):
            vector = (
                network.affine[level + 1].weight[:, j] if vectors == "outgoing" else network.affine[level].weight[j, :]
            )
            total += strength * (len(vector) ** 0.5 if scaled else 1.0) * sum(float(w) ** 2 for w in vector) ** 0.5
    return total


@pytest.mark.parametrize("vectors", ["outgoing", "incoming"])
@pytest.mark.parametrize("scale", ["none", "sqrt_size"])
def test_the_subgradient_term_is_the_formula(vectors: str, scale: str) -> None:
    network, method = make(solver="subgradient", strength=0.3, vectors=vectors, group_scale=scale)
    assert float(method.penalty.term()) == pytest.approx(
        slow_penalty(network, vectors, 0.3, scale == "sqrt_size"), rel=1e-9
    )


def test_the_subgradient_at_zero_is_zero() -> None:
    network, method = make(vectors="outgoing", solver="subgradient", strength=0.3)
    with torch.no_grad():
        network.affine[1].weight[:, 2] = 0
    method.penalty.term().backward()
    gradient = network.affine[1].weight.grad
    assert gradient[:, 2].count_nonzero() == 0
    column = network.affine[1].weight[:, 1].detach()
    assert torch.allclose(gradient[:, 1], 0.3 * column / column.norm())


@pytest.mark.parametrize("vectors", ["outgoing", "incoming"])
def test_a_proximal_step_of_sgd_shrinks_each_vector_by_eta_lambda(vectors: str) -> None:
    network, method = make(strength=2.0, vectors=vectors, every=1)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    method.start(optimiser, Phases.of(10, 0.0, 0.0))
    before = [layer.norms(vectors) for layer in network.node_layers()]
    method.after_step(1)
    for layer, norms in zip(network.node_layers(), before, strict=True):
        expected = (norms - 0.2).clamp_min(0)
        strongest = int(norms.argmax())
        for j, (now, then) in enumerate(zip(layer.norms(vectors).tolist(), expected.tolist(), strict=True)):
            if j != strongest or then > 0:
                assert now == pytest.approx(then, abs=1e-12)


@pytest.mark.parametrize("steer_every", [3, 4])
def test_the_strength_is_corrected_from_the_first_penalised_update_on(steer_every: int) -> None:
    network, method = make(keep=0.5, every=1, steer_every=steer_every, floor=0.0)
    phases = Phases.of(44 * 8, 0.03125, 0.25)
    method.start(torch.optim.SGD(network.parameters(), lr=0.01), phases)
    seen, strengths = [], [method.penalty.strength]
    for step in range(phases.sparsify_from + 1, phases.cut_at + 1):
        method.after_step(step)
        strengths.append(method.penalty.strength)
        seen += [step] if strengths[-1] != strengths[-2] else []
    assert phases.sparsify_from == 11
    assert len(seen) > 20
    assert seen == list(range(12, phases.cut_at + 1, steer_every))[: len(seen)]


def test_the_first_strength_is_a_tenth_of_what_would_bring_the_mass_to_zero() -> None:
    """Of SGD: each vector loses eta lambda an update; mass in units of the layer's mean norm."""
    network, method = make(vectors="outgoing", keep=0.5, every=1, floor=0.0)
    phases = Phases.of(44, 0.25, 0.25)
    method.start(torch.optim.SGD(network.parameters(), lr=0.01), phases)
    norms = [layer.norms("outgoing") for layer in network.node_layers()]
    ranking = sorted((float(n / own.mean()), i) for i, own in enumerate(norms) for n in own)
    going = ranking[: len(ranking) - round(0.5 * len(ranking))]
    loss = sum(0.01 / float(norms[i].mean()) for _, i in going)
    method.after_step(phases.sparsify_from + 1)
    mass = sum(share for share, _ in going)
    assert method.penalty.strength == pytest.approx(0.1 * mass / (loss * (phases.cut_at - phases.sparsify_from)))


def test_a_group_zero_for_long_is_gone() -> None:
    network, method = make(vectors="outgoing", strength=1e-9, every=1, patience=3)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    method.start(optimiser, Phases.of(100, 0.0, 0.0))
    with torch.no_grad():
        network.affine[1].weight[:, 2] = 0
    for step in range(1, 4):
        assert not any(bool(mask.any()) for mask in method.gone() or [])
        method.after_step(step)
    assert (method.gone() or [])[0].nonzero().flatten().tolist() == [2]


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
@pytest.mark.parametrize("keep", [0.6, 0.3])
@pytest.mark.parametrize("vectors", ["outgoing", "incoming"])
def test_steering_brings_the_nodes_to_the_budget(
    make_trainer: Callable[..., Trainer], keep: float, optimiser: str, vectors: str
) -> None:
    prune = {
        "method": "group_lasso",
        "keep": keep,
        "vectors": vectors,
        "every": 2,
        "patience": 20,
        "steer_every": 6,
    }
    train = {
        "optimiser": optimiser,
        "epochs": 40,
        "learning_rate": 0.05 if optimiser == "sgd" else 0.01,
    }
    trainer = make_trainer(prune, train)
    trainer.run()
    pruner = trainer.hooks
    assert isinstance(pruner, Pruner)
    assert sum(pruner.cut.nodes) == round(keep * 56)
    assert pruner.converged
    assert pruner.cut.norm_mass_removed <= 0.05


def test_what_dies_by_strength_is_dead_at_the_cut(make_trainer: Callable[..., Trainer]) -> None:
    """Also where the cut falls between two proximal steps, since noise revives the dead there."""
    asked = {
        "method": "group_lasso",
        "strength": 0.05,
        "every": 7,
        "patience": 1000,
        "min_nodes": 2,
    }
    trainer = make_trainer(asked, {"epochs": 12})
    trainer.run()
    cut = trainer.hooks.cut
    assert cut.step % 7
    assert all(low < n < size for low, n, size in zip((2, 2), cut.nodes, (32, 24), strict=True))
    assert cut.norm_mass_removed == 0
    assert cut.dev_ce_after == pytest.approx(cut.dev_ce_before)
    assert [row["nodes"] for row in trainer.metrics][-1] == sum(cut.nodes)


def test_a_cut_that_comes_early_does_not_move_the_learning_rate(make_trainer: Callable[..., Trainer]) -> None:
    """`release_rate` acts from the planned end of the sparsify phase on. No node has to go here."""
    trainer = make_trainer({"method": "group_lasso", "keep": 1.0, "every": 1, "release_rate": 0.5})
    planned = trainer.hooks.phases.cut_at
    trainer.run()
    assert trainer.hooks.cut.step < planned / 2
    rates = [trainer.schedule.rate(step) for step in range(trainer.steps)]
    assert rates[planned - 1] < 0.1 * max(rates[:planned])
    assert max(rates[planned:]) == pytest.approx(0.5 * max(rates[:planned]), rel=0.02)
