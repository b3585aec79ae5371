"""L1: soft thresholding of all weights, ranks by sums of magnitudes."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.methods.l1.method import L1
from asr_prune.pruning.methods.l1.options import L1Options
from asr_prune.pruning.removal import shrink_layers
from asr_prune.pruning.schedule import Phases


def make(**options: object) -> tuple[FeedForward, L1]:
    torch.manual_seed(0)
    network = FeedForward(5, (6, 4), 3).double()
    return network, L1(L1Options(**{"method": "l1", "min_nodes": 1, **options}), network.node_layers())


def test_every_weight_is_penalised_and_none_decays() -> None:
    network, method = make(strength=0.3)
    assert [id(w) for w in method.penalty.no_decay()] == [id(layer.weight) for layer in network.affine]


@pytest.mark.parametrize("every", [1, 4])
def test_a_step_of_sgd_takes_eta_lambda_off_every_weight(every: int) -> None:
    network, method = make(strength=0.05, every=every)
    method.start(torch.optim.SGD(network.parameters(), lr=0.5), Phases.of(100, 0.0, 0.0))
    before = [layer.weight.detach().clone() for layer in network.affine]
    biases = [layer.bias.detach().clone() for layer in network.affine]
    for step in range(1, 5):
        method.after_step(step)
    for layer, weight, bias in zip(network.affine, before, biases, strict=True):
        for now, w in zip(layer.weight.flatten().tolist(), weight.flatten().tolist(), strict=True):
            assert now == pytest.approx(math.copysign(max(0.0, abs(w) - 4 * 0.025), w), abs=1e-9)
        assert torch.equal(layer.bias, bias)


@pytest.mark.parametrize("vectors", ["outgoing", "incoming"])
def test_scores_are_sums_of_magnitudes(vectors: str) -> None:
    network, method = make(keep=0.5, vectors=vectors)
    for level, scores in enumerate(method.score.scores()):
        into, out = network.affine[level].weight.tolist(), network.affine[level + 1].weight.tolist()
        for j, score in enumerate(scores.tolist()):
            vector = into[j] if vectors == "incoming" else [row[j] for row in out]
            assert score == pytest.approx(sum(map(abs, vector)), rel=1e-9)
    assert method.score.folds == (vectors == "incoming")


def test_zeros_are_exact_and_scattered(make_trainer: Callable[..., Trainer]) -> None:
    asked = {
        "method": "l1",
        "strength": 1e-2,
        "every": 7,
        "warm_up": 0.0,
        "fine_tune": 0.0,
        "tolerance": 0.0,
    }
    trainer = make_trainer(asked, {"epochs": 10})
    trainer.run()
    assert trainer.hooks.cut.step % 7
    weights = trainer.hooks.before_cut["hidden.1.weight"]
    zeros = weights == 0
    assert 0.2 < float(zeros.float().mean()) < 0.99
    alive = ~zeros.all(0)
    assert float(zeros[:, alive].float().mean()) > 0.2


@pytest.mark.parametrize("wrong", [{"penalty": -1.0}, {"tolerance": -1.0}, {"every": 0}])
def test_options_refuse(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        L1Options(method="l1", **wrong)


@pytest.mark.parametrize("hidden", [(6,), (1, 1, 1)])
def test_a_layer_is_not_emptied(hidden: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network = FeedForward(5, hidden, 3).double()
    method = L1(L1Options(method="l1", strength=1e6, every=1, min_nodes=2), network.node_layers())
    method.start(torch.optim.SGD(network.parameters(), lr=0.5), Phases.of(100, 0.0, 0.0))
    for step in range(1, 6):
        method.after_step(step)
    assert [len(kept) for kept in shrink_layers(network.node_layers())] == [min(2, size) for size in hidden]
