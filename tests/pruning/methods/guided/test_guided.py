"""Guided regularisation against loops written from its formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.cut import SMALL_CUT
from asr_prune.pruning.methods.guided.method import Guided, guide
from asr_prune.pruning.methods.guided.options import GuidedOptions
from asr_prune.pruning.pruner import Pruner
from asr_prune.pruning.removal import shrink, zero_nodes
from asr_prune.pruning.schedule import Phases

GROWING = ["linear", "power", "exponential", "step"]


def make(hidden: tuple[int, ...] = (6, 4), **options: Any) -> tuple[FeedForward, Guided]:
    torch.manual_seed(0)
    network = FeedForward(5, hidden, 3).double()
    made = GuidedOptions(method="guided", **{"min_nodes": 1, **options})
    return network, Guided(made, network.node_layers())


def slow_guide(size: int, options: GuidedOptions) -> list[float]:
    g = []
    for j in range(1, size + 1):
        x = j / size
        if options.guide == "step":
            g.append(0.0 if j <= round(options.spared * size) else 1.0)
        else:
            g.append(
                {
                    "linear": x,
                    "power": x**options.exponent,
                    "exponential": math.exp(options.rate * x),
                }[options.guide]
            )
    return [value * size / sum(g) for value in g]


def slow_step(vector: list[float], norm: str, taken: float) -> list[float]:
    """argmin_u 1/2 ||u - v||^2 + taken * r(u)."""
    if norm == "l1":
        return [math.copysign(max(0.0, abs(v) - taken), v) for v in vector]
    if norm == "l2":
        return [v / (1 + 2 * taken) for v in vector]
    size = math.sqrt(sum(v * v for v in vector))
    return [v * max(0.0, 1 - taken / size) for v in vector]


@pytest.mark.parametrize("kind", GROWING)
@pytest.mark.parametrize("size", [1, 7, 64])
def test_guides_are_their_formulas_with_mean_one(kind: str, size: int) -> None:
    options = GuidedOptions(guide=kind, exponent=3.0, rate=2.0, step_at=0.3)
    g = guide(size, options)
    assert g.tolist() == pytest.approx(slow_guide(size, options), rel=1e-5)
    assert float(g.mean()) == pytest.approx(1, rel=1e-5)
    assert (g.diff() >= 0).all()


def test_step_spares_what_is_asked_to_stay() -> None:
    assert (guide(20, GuidedOptions(guide="step", keep=0.25)) == 0).tolist() == [True] * 5 + [False] * 15
    assert GuidedOptions(guide="step").spared == 0.5
    assert GuidedOptions(guide="step", keep=0.25, step_at=0.0).spared == 0


def test_random_step_is_step_in_random_order() -> None:
    torch.manual_seed(4)
    options = GuidedOptions(guide="random_step", keep=0.25)
    one, other = guide(200, options), guide(200, options)
    assert sorted(one.tolist()) == sorted(guide(200, GuidedOptions(guide="step", keep=0.25)).tolist())
    assert not torch.equal(one, other)


@pytest.mark.parametrize("vectors", ["outgoing", "incoming"])
@pytest.mark.parametrize("norm", ["l1", "l2", "group"])
def test_a_step_of_sgd_is_the_prox_of_eta_lambda_g(vectors: str, norm: str) -> None:
    network, method = make(strength=0.5, vectors=vectors, norm=norm, every=1, guide="power")
    method.start(torch.optim.SGD(network.parameters(), lr=0.1), Phases.of(10, 0.0, 0.0))
    side = [
        (layer.outgoing.weight.T if vectors == "outgoing" else layer.incoming.weight) for layer in method.nodes.layers
    ]
    before = [weight.detach().tolist() for weight in side]
    method.after_step(1)
    for level, weight in enumerate(side):
        pulls = slow_guide(len(weight), method.options)
        # a guide and its prox in float32, weights in float64
        for vector, now, pull in zip(before[level], weight.tolist(), pulls, strict=True):
            expected = slow_step(vector, norm, 0.1 * 0.5 * pull)
            if any(expected):
                assert now == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_scores_are_the_penalised_norms(norm: str) -> None:
    network, method = make(keep=0.5, norm=norm)
    for level, scores in enumerate(method.score.scores()):
        columns = network.affine[level + 1].weight.T.tolist()
        power = 1 if norm == "l1" else 2
        expected = [sum(abs(w) ** power for w in column) ** (1 / power) for column in columns]
        assert scores.tolist() == pytest.approx(expected)


@given(
    hidden=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    keep=st.floats(0.01, 1),
    cut=st.sampled_from(["rank", "prefix"]),
    norm=st.sampled_from(["l1", "l2", "group"]),
)
@settings(max_examples=60)
def test_the_budget_is_hit_for_random_networks(hidden: list[int], keep: float, cut: str, norm: str) -> None:
    _, method = make(tuple(hidden), keep=keep, cut=cut, norm=norm, min_nodes=2)
    kept = method.finish()
    assert sum(int(mask.sum()) for mask in kept) == method.nodes.target
    assert all(int(mask.sum()) >= low for mask, low in zip(kept, method.nodes.minima, strict=True))
    if cut == "prefix":
        assert method.figures(kept)["prefix_share"] == 1


def test_a_prefix_by_strength_holds_all_that_is_alive() -> None:
    network, method = make(strength=0.1, cut="prefix")
    with torch.no_grad():
        network.affine[1].weight[:, [1, 4, 5]] = 0
        network.affine[2].weight.zero_()
    kept = method.finish()
    assert [mask.tolist() for mask in kept] == [[True] * 4 + [False] * 2, [True] + [False] * 3]
    inputs = torch.randn(20, 5, dtype=torch.float64)
    expected = network(inputs)
    zero_nodes(method.nodes.layers, kept, method.score.folds)
    assert torch.allclose(network(inputs), expected)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
@pytest.mark.parametrize("norm", ["l1", "group"])
@pytest.mark.parametrize("cut", ["rank", "prefix"])
def test_steering_brings_the_nodes_to_the_front(
    make_trainer: Callable[..., Trainer], norm: str, optimiser: str, cut: str
) -> None:
    prune = {
        "method": "guided",
        "keep": 0.4,
        "norm": norm,
        "cut": cut,
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
    assert sum(pruner.cut.nodes) == round(0.4 * 56)
    assert pruner.cut.norm_mass_removed <= SMALL_CUT
    figures = pruner.method.figures(pruner.cut.kept)
    assert figures["prefix_share"] > max(0.8, figures["prefix_share_by_chance"])
    assert 0 <= trainer.metrics[0]["prefix_share"] <= 1
    if cut == "prefix":
        assert figures["prefix_share"] == 1
        _, kept = shrink(trainer.network.eval())
        assert all(
            indices == sorted(indices) and max(indices) < n for indices, n in zip(kept, pruner.cut.nodes, strict=True)
        )


def test_without_release_the_cut_is_the_end(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer({"method": "guided", "keep": 0.5, "cut": "prefix", "fine_tune": 0.0})
    trainer.run()
    cut = trainer.hooks.cut
    assert cut.nodes == [16, 12]
    assert cut.dev_ce_after == pytest.approx(trainer.metrics[-1]["dev_ce"])
    assert trainer.hooks.method.figures(cut.kept)["prefix_share"] == 1
