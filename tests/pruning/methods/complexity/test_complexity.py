"""Complexity-aware gates against loops written from the formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from asr_prune.acoustic.architectures import make as build
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.methods.complexity.method import Complexity
from asr_prune.pruning.methods.complexity.options import ComplexityOptions
from asr_prune.pruning.methods.complexity.saliency import LATEST
from asr_prune.pruning.removal import shrink
from asr_prune.pruning.schedule import Phases

MakeTrainer = Callable[..., Trainer]
HIDDEN = (4, 3)


def make(kind: str = "residual", **asked: Any) -> tuple[Network, Complexity]:
    torch.manual_seed(0)
    shape = NetworkOptions(type=kind, hidden=HIDDEN, dropout=0.0, stream=5)  # type: ignore[arg-type]
    network = build(shape, 6, 2).double()
    method = Complexity(ComplexityOptions(method="complexity", **asked), network.node_layers())
    method.start(torch.optim.SGD(network.parameters(), 0.1), Phases.of(100, 0.0, 0.5))
    return network, method


def update(network: Network, method: Complexity, step: int) -> None:
    inputs, labels = torch.randn(20, 6, dtype=torch.float64), torch.randint(0, 2, (20,))
    network.zero_grad()
    with method.weights.acting(training=True):
        torch.nn.functional.cross_entropy(network(inputs), labels).backward()
    method.after_backward()
    method.after_step(step)


@pytest.mark.parametrize("order", ["first", "second"])
@pytest.mark.parametrize("mu", [0.2, 0.5, 0.9])
def test_thetas_move_by_the_formula(mu: float, order: str) -> None:
    """`theta <- clip(theta - eta (change + nu 2 (1 - mu) dC/dtheta), 0, 1)`, layers with 2 mu and eta over nodes."""
    network, method = make(strength=0.7, mu=mu, rho=1.0, theta=0.6, rate=0.01, estimate=order)
    update(network, method, 1)
    worth = [[0.0] * n for n in HIDDEN]
    layers_worth = [0.0, 0.0]
    for step in range(2, 6):
        thetas, layers = [t.tolist() for t in method.gates.nodes], method.gates.layers.tolist()
        gates, whole = [g.tolist() for g in method.gates.drawn], method.gates.drawn_layers.tolist()
        update(network, method, step)
        on = 0.5 if order == "second" else 0.0
        eta = 0.01 * sum(HIDDEN)
        for i, n in enumerate(HIDDEN):
            first, second = (
                method.weights.estimate.nodes[i].tolist(),
                method.weights.estimate.nodes_second[i].tolist(),
            )
            slope = 10 / (10 * sum(HIDDEN))  # one more node: 5 in, 5 out, of 10 for each of the dense nodes
            passed = sum(g * f for g, f in zip(gates[i], first, strict=True))
            change = passed - (1 if whole[i] else -1) * on * float(method.weights.estimate.layers_second[i])
            layers_worth[i] += LATEST * (-change - layers_worth[i])
            expected = layers[i] - eta / n * (0.7 * 2 * mu * slope * sum(thetas[i]) - layers_worth[i])
            assert float(method.gates.layers[i]) == pytest.approx(min(max(expected, 0), 1), abs=1e-12)
            for j in range(n):
                change = whole[i] * (first[j] - (1 if gates[i][j] else -1) * on * second[j])
                worth[i][j] += LATEST * (-change - worth[i][j])
                moved = thetas[i][j] - eta * (0.7 * 2 * (1 - mu) * slope * layers[i] - worth[i][j])
                assert float(method.gates.nodes[i][j]) == pytest.approx(min(max(moved, 0), 1), abs=1e-12)


def test_in_training_the_drawn_gates_act_and_else_their_means() -> None:
    network, method = make(strength=0.1, theta=0.5)
    for step in range(1, 4):
        update(network, method, step)
    inputs, own = (
        torch.randn(7, 6, dtype=torch.float64),
        [x.outgoing.weight.clone() for x in network.node_layers()],
    )
    for training, factors in (
        (True, method.gates.factors()),
        (False, method.gates.probabilities()),
    ):
        with method.weights.acting(training):
            found = network(inputs)
            for layer, weight, factor in zip(network.node_layers(), own, factors, strict=True):
                assert torch.equal(layer.outgoing.weight, weight * factor)
        h = network.input(inputs)
        for layer, weight, factor in zip(network.node_layers(), own, factors, strict=True):
            h = h + (torch.relu(layer.incoming(h)) * factor) @ weight.T
        assert torch.allclose(found, network.output(h), atol=1e-12)
    assert all(torch.equal(x.outgoing.weight, w) for x, w in zip(network.node_layers(), own, strict=True))


@pytest.mark.parametrize(("strength", "gated"), [(0.0, False), (1.0, True)])
def test_without_a_price_there_are_no_gates(strength: float, gated: bool) -> None:
    network, method = make(strength=strength)
    for step in (1, 2):
        update(network, method, step)
    assert bool(method.weights.factors) == gated


@pytest.mark.parametrize("rates", [[0.0, 0.0, 0.0, 8.0], [-4.0, -9.0, 0.5, 7.5], [2.0, 3.0, 4.0, 5.0]])
def test_nu_starts_at_the_price_of_those_wanted_or_a_hundredth_of_the_mean(rates: list[float]) -> None:
    """At the start all nodes are wanted: the price is the lowest rate, if that is not too low."""
    penalty = make("feed_forward", keep=0.5, min_nodes=1, floor=0.0, theta=1.0)[1].penalty
    prices = torch.ones(2, dtype=torch.float64)
    for saliency in penalty.score.saliency:
        saliency.copy_(torch.tensor(rates[: len(saliency)]))
    penalty.payers = [torch.ones_like(s, dtype=torch.bool) for s in penalty.score.saliency]
    every = [float(x) for saliency in penalty.score.saliency for x in saliency]
    penalty._steer(0, prices)
    mean = sum(max(x, 0.0) for x in every) / len(every)
    assert penalty.nu == pytest.approx(max(min(every), 0.01 * mean, 1e-6))


def test_what_costs_nothing_has_a_price_all_the_same() -> None:
    """A layer that is off has no price; its nodes come first, and nothing becomes infinite."""
    penalty = make("feed_forward", keep=0.5, min_nodes=1, floor=0.0, theta=1.0)[1].penalty
    for saliency in penalty.score.saliency:
        saliency.fill_(1e-13)
    penalty.payers = [torch.ones_like(s, dtype=torch.bool) for s in penalty.score.saliency]
    penalty._steer(0, torch.zeros(2, dtype=torch.float64))
    assert penalty.nu == pytest.approx(0.1)


@pytest.mark.parametrize(("mu", "still"), [(0.0, "layers"), (1.0, "nodes")])
def test_mu_at_its_ends_prices_one_kind_of_gate_alone(mu: float, still: str) -> None:
    network, method = make(strength=1e6, mu=mu, theta=0.5, rate=1e-6)
    update(network, method, 1)
    update(network, method, 2)
    moved = {
        "layers": float(method.gates.layers.min()),
        "nodes": float(min(t.min() for t in method.gates.nodes)),
    }
    assert moved.pop(still) == pytest.approx(0.5, abs=1e-3)
    assert next(iter(moved.values())) < 0.4


def test_a_high_price_drops_whole_layers_and_the_network_goes_on(make_trainer: MakeTrainer) -> None:
    asked = {"method": "complexity", "strength": 60.0, "rate": 1.0, "patience": 5, "mu": 0.9}
    trainer = make_trainer(asked, {"epochs": 12}, type="residual", hidden=(32, 24, 16))
    quality = trainer.run()
    pruner = trainer.hooks
    assert pruner.method.figures(pruner.cut.kept)["layers_dropped"] >= 1
    assert quality.cross_entropy < 1.9
    whole = pruner.removal.whole().eval()
    small, kept = shrink(whole)
    assert small.widths == [len(k) for k in kept]
    assert 0 in small.widths
    inputs = trainer.dev_frames.splice(torch.arange(50))
    assert torch.allclose(whole(inputs), small(inputs), atol=1e-5)


@pytest.mark.parametrize("kind", ["feed_forward", "residual"])
def test_steering_brings_the_nodes_to_the_budget_and_gates_decide(make_trainer: MakeTrainer, kind: str) -> None:
    asked = {"method": "complexity", "keep": 0.4, "rate": 0.5, "patience": 10, "steer_every": 2}
    trainer = make_trainer(asked, {"epochs": 60, "batch": 40}, type=kind, hidden=(40, 40))
    trainer.run()
    pruner = trainer.hooks
    assert sum(pruner.cut.nodes) == 32
    assert pruner.converged
    assert pruner.method.penalty.undecided <= 0.05
    # the first to go did so before the cut, and the arithmetic with them
    sizes = [row["macs"] for row in trainer.metrics]
    assert len(set(sizes)) > 2


def test_a_plain_network_keeps_its_layers_fewest_nodes() -> None:
    network, method = make("feed_forward", strength=1e9, rate=1.0, min_nodes=2)
    for step in range(1, 30):
        update(network, method, step)
    assert [int((theta > 0).sum()) for theta in method.gates.nodes] == [2, 2]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"mu": 1.5}, "mu and rho must be from 0 to 1"),
        ({"theta": 0.0}, "theta must be above 0"),
        ({"rate": 0.0}, "rate must be above 0"),
        ({"patience": 0}, "patience and steer_every 1 or more"),
    ],
)
def test_options_out_of_range_are_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ComplexityOptions(method="complexity", **asked)
