"""L2 against loops written from its formula."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.methods.l2.method import L2
from asr_prune.pruning.methods.l2.options import L2Options


def make(**options: object) -> tuple[FeedForward, L2]:
    torch.manual_seed(0)
    network = FeedForward(5, (6, 4), 3).double()
    return network, L2(L2Options(method="l2", **{"min_nodes": 1, **options}), network.node_layers())


@pytest.mark.parametrize(("options", "strength"), [({"strength": 0.3}, 0.3), ({"keep": 0.5, "penalty": 0.2}, 0.2)])
def test_the_gradient_is_that_of_half_the_squares(options: dict[str, float], strength: float) -> None:
    network, method = make(**options)
    inputs, labels = torch.randn(9, 5).double(), torch.arange(9) % 3
    torch.nn.functional.cross_entropy(network(inputs), labels).backward()
    method.after_backward()
    found = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    penalty = sum(strength / 2 * w**2 for layer in network.affine for w in layer.weight.flatten())
    (torch.nn.functional.cross_entropy(network(inputs), labels) + penalty).backward()
    for gradient, parameter in zip(found, network.parameters(), strict=True):
        assert torch.allclose(gradient, parameter.grad, atol=1e-12)


def test_every_weight_is_penalised_and_none_decays_twice() -> None:
    network, method = make(strength=0.3)
    assert [id(w) for w in method.penalty.no_decay()] == [id(layer.weight) for layer in network.affine]


@pytest.mark.parametrize("vectors", ["outgoing", "incoming"])
def test_scores_are_raw_norms(vectors: str) -> None:
    network, method = make(keep=0.5, vectors=vectors)
    for level, scores in enumerate(method.score.scores()):
        into, out = network.affine[level].weight.tolist(), network.affine[level + 1].weight.tolist()
        for j, score in enumerate(scores.tolist()):
            vector = into[j] if vectors == "incoming" else [row[j] for row in out]
            assert score == pytest.approx(math.sqrt(sum(w * w for w in vector)), rel=1e-9)
    assert method.score.folds == (vectors == "incoming")


def test_by_keep_the_largest_norms_of_all_layers_survive() -> None:
    network, method = make(vectors="outgoing", keep=0.5, floor=0.0)
    with torch.no_grad():
        network.affine[1].weight.mul_(100)
    kept = method.finish()
    flat = sorted(
        (float(s), layer, j) for layer, scores in enumerate(method.score.scores()) for j, s in enumerate(scores)
    )
    minimum = max((float(s), 1, j) for j, s in enumerate(method.score.scores()[1]))
    expected = {minimum} | set(flat[-4:])
    assert {(layer, j) for layer, mask in enumerate(kept) for j in mask.nonzero().flatten().tolist()} == {
        (layer, j) for _, layer, j in expected
    }


def test_by_strength_a_tolerance_says_what_is_zero() -> None:
    network, method = make(vectors="outgoing", strength=0.1, tolerance=0.01)
    with torch.no_grad():
        for j, norm in enumerate([1.0, 0.5, 0.011, 0.009, 1e-6, 0.0]):
            network.affine[1].weight[:, j] = norm / 2
    assert method.finish()[0].tolist() == [True, True, True, False, False, False]


def test_by_strength_no_layer_falls_below_the_minimum() -> None:
    network, method = make(vectors="outgoing", strength=0.1, tolerance=0.5, min_nodes=3)
    with torch.no_grad():
        for j, norm in enumerate([1.0, 0.1, 0.01, 0.02, 0.2, 0.0]):
            network.affine[1].weight[:, j] = norm / 2
    assert method.finish()[0].tolist() == [True, True, False, False, True, False]


def test_the_penalty_acts_in_the_press_alone(make_trainer: Callable[..., Trainer]) -> None:
    """Strong as it is, it moves the weights between warm_up and cut, and neither before nor after."""
    asked = {"method": "l2", "tolerance": 0.0, "warm_up": 0.5, "fine_tune": 0.3}
    train = {
        "epochs": 10,
        "optimiser": "sgd",
        "weight_decay": 0.0,
        "momentum": 0.0,
        "learning_rate": 0.05,
    }
    strengths = {"l2": 0.3, "no": 0.0}
    runs = {name: make_trainer({**asked, "strength": by}, train, name) for name, by in strengths.items()}
    squares: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(10):
        for name, trainer in runs.items():
            trainer._one_epoch()
            squares[name].append(sum(float(layer.weight.detach().square().sum()) for layer in trainer.network.affine))
    assert squares["l2"][:5] == squares["no"][:5]
    assert squares["l2"][6] < 0.5 * squares["l2"][4]
    assert squares["l2"][9] > squares["l2"][6]


def test_a_network_of_gates_alone_has_nothing_to_decay(make_trainer: Callable[..., Trainer]) -> None:
    shape = {"type": "tdnnf", "hidden": (1,), "context": ((-1, 0, 1),)}
    trainer = make_trainer({"method": "l2", "keep": 0.5, "min_nodes": 1}, {"epochs": 2}, **shape)
    trainer.run()
    assert trainer.hooks.cut is not None


@pytest.mark.parametrize("wrong", [{"penalty": -1.0}, {"tolerance": -1.0}])
def test_options_refuse(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="penalty and tolerance must be 0 or more"):
        L2Options(method="l2", **wrong)  # type: ignore[arg-type]
