"""One-shot magnitude pruning against loops written from He et al.'s scores."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.methods.magnitude.activity import activity
from asr_prune.pruning.methods.magnitude.method import Magnitude
from asr_prune.pruning.methods.magnitude.options import MagnitudeOptions


def make(activation: str = "relu", **options: object) -> tuple[FeedForward, Magnitude]:
    torch.manual_seed(0)
    network = FeedForward(5, (6, 4), 3, activation).double()
    made = MagnitudeOptions(method="magnitude", **{"min_nodes": 1, "floor": 0.0, **options})
    return network, Magnitude(made, network.node_layers())


def slow_scores(network: FeedForward, score: str) -> list[list[float]]:
    layers = []
    for level in range(len(network.affine) - 1):
        into, out = network.affine[level].weight.tolist(), network.affine[level + 1].weight.tolist()
        raw = []
        for j in range(len(into)):
            column = [row[j] for row in out]
            if score == "onorm":
                raw.append(sum(abs(w) for w in column) / len(column))
            elif score == "inorm":
                raw.append(sum(abs(w) for w in into[j]) / len(into[j]))
            else:
                raw.append(math.sqrt(sum(w * w for w in into[j])) * math.sqrt(sum(w * w for w in column)))
        layers.append([r / (sum(raw) / len(raw)) for r in raw])
    return layers


@pytest.mark.parametrize("score", ["onorm", "inorm", "product"])
def test_scores_are_the_formula_over_the_layers_mean(score: str) -> None:
    network, method = make(score=score)
    for found, expected in zip(method.score.scores(), slow_scores(network, score), strict=True):
        assert found.tolist() == pytest.approx(expected, rel=1e-9)
    assert method.score.folds == (score == "inorm")


@pytest.mark.parametrize(("activation", "score"), [("relu", "product"), ("sigmoid", "onorm")])
def test_auto_takes_what_suits_the_activation(activation: str, score: str) -> None:
    network, method = make(activation)
    for found, expected in zip(method.score.scores(), slow_scores(network, score), strict=True):
        assert found.tolist() == pytest.approx(expected, rel=1e-9)


def test_rescaling_a_relu_node_does_not_change_its_product() -> None:
    network, method = make()
    before = method.score.scores()[0]
    with torch.no_grad():
        network.affine[0].weight[2] *= 7
        network.affine[1].weight[:, 2] /= 7
    assert torch.allclose(method.score.scores()[0], before)


def test_layers_compare_whatever_their_scale() -> None:
    network, method = make(keep=0.5)
    before = method.finish()
    with torch.no_grad():
        network.affine[2].weight.mul_(1000)
    assert [m.tolist() for m in method.finish()] == [m.tolist() for m in before]
    flat = sorted(
        (float(s), layer, j) for layer, scores in enumerate(method.score.scores()) for j, s in enumerate(scores)
    )
    assert {(layer, j) for layer, mask in enumerate(before) for j in mask.nonzero().flatten().tolist()} == {
        (layer, j) for _, layer, j in flat[-5:]
    }


@pytest.mark.parametrize("score", ["onorm", "entropy"])
def test_by_keep_all_nodes_live_until_the_cut(score: str) -> None:
    _, method = make(keep=0.5, score=score)
    assert all(bool(alive.all()) for alive in method.score.alive())


def test_by_strength_a_share_of_the_layers_mean_says_who_goes() -> None:
    network, method = make(strength=0.9)
    kept = method.finish()
    for mask, scores in zip(kept, slow_scores(network, "product"), strict=True):
        assert mask.tolist() == [score > 0.9 for score in scores]
    assert not all(bool(mask.all()) for mask in kept)


def test_by_strength_no_layer_falls_below_the_minimum() -> None:
    _, method = make(strength=1e6, min_nodes=3)
    kept = method.finish()
    assert [int(mask.sum()) for mask in kept] == [3, 3]
    for mask, scores in zip(kept, method.score.scores(), strict=True):
        assert set(mask.nonzero().flatten().tolist()) == set(scores.argsort(descending=True)[:3].tolist())


def slow_entropies(network: FeedForward, frames: torch.Tensor) -> list[list[float]]:
    """Entropy of whether a node is on, frame by frame, over the layer's mean."""
    counts = [[0] * layer.size for layer in network.node_layers()]
    for frame in frames:
        x = (frame - network.shift) * network.scale
        for level, layer in enumerate(network.node_layers()):
            x = layer.activation(layer.incoming.weight @ x + layer.incoming.bias)
            on = x > (0 if network.activation == "relu" else 0.5)
            counts[level] = [count + int(one) for count, one in zip(counts[level], on, strict=True)]
    shares = [[count / len(frames) for count in layer] for layer in counts]
    raw = [[-sum(p * math.log2(p) for p in (share, 1 - share) if p) for share in layer] for layer in shares]
    return [[r / (sum(layer) / len(layer)) for r in layer] for layer in raw]


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_the_entropy_cut_puts_means_in_the_place_of_nodes(
    make_trainer: Callable[..., Trainer], activation: str
) -> None:
    asked = {"method": "magnitude", "keep": 0.5, "fine_tune": 0.0, "score": "entropy"}
    trainer = make_trainer(asked, {"epochs": 2}, activation=activation, dropout=0.2)
    trainer.run()
    cut, frames = trainer.hooks.cut, trainer.train_frames.splice(torch.arange(len(trainer.train_frames)))
    expected = FeedForward(trainer.network.affine[0].in_features, (32, 24), 7, activation).eval()
    expected.load_state_dict(trainer.hooks.before_cut)
    for found, slow in zip(cut.scores, slow_entropies(expected, frames), strict=True):
        assert found.tolist() == pytest.approx(slow, rel=1e-5)
    assert sum(cut.nodes) == 28
    means, x = [], (frames - expected.shift) * expected.scale
    with torch.no_grad():
        for layer in expected.node_layers():
            x = layer.activation(layer.incoming(x))
            means.append(x.mean(0))
        for layer, kept, mean in zip(expected.node_layers(), cut.kept, means, strict=True):
            layer.incoming.weight[~kept] = 0
            layer.outgoing.bias += layer.outgoing.weight[:, ~kept] @ mean[~kept]
            layer.outgoing.weight[:, ~kept] = 0
    inputs = trainer.dev_frames.splice(torch.arange(60))
    assert torch.allclose(trainer.network.eval()(inputs), expected(inputs), atol=1e-5)
    assert cut.dev_ce_after == pytest.approx(trainer.metrics[-1]["dev_ce"])


def test_what_was_measured_has_no_history() -> None:
    """Also where the network runs with gradients."""
    network = FeedForward(5, (6, 4), 3)
    for measured in activity(network.node_layers(), lambda: network(torch.randn(9, 5))):
        assert not measured.on.requires_grad
        assert not measured.mean.requires_grad


def test_before_it_has_looked_no_node_stands_out_by_entropy() -> None:
    network, method = make(score="entropy", keep=0.5)
    assert [scores.tolist() for scores in method.score.scores()] == [[1.0] * 6, [1.0] * 4]
    frames = torch.randn(50, 5, dtype=torch.float64)
    method.score.look(lambda: network(frames))
    assert method.score.constants()[0].tolist() == pytest.approx(torch.relu(network.hidden[0](frames)).mean(0).tolist())
    assert [float(scores.mean()) for scores in method.score.scores()] == pytest.approx([1, 1])


def test_it_trains_as_the_dense_network_until_the_cut(make_trainer: Callable[..., Trainer]) -> None:
    train = {"optimiser": "sgd", "halve_below": 0.3}
    dense = make_trainer({"method": "none"}, train, "dense", dropout=0.2)
    pruned = make_trainer({"method": "magnitude", "keep": 0.5, "fine_tune": 0.0}, train, "pruned", dropout=0.2)
    dense.run()
    pruned.run()
    for name, value in dense.network.state_dict().items():
        assert torch.equal(pruned.hooks.before_cut[name], value), name
    assert pruned.hooks.cut.dev_ce_before == pytest.approx(dense.metrics[-1]["dev_ce"])


@pytest.mark.parametrize("score", ["onorm", "inorm"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_the_cut_zeroes_the_vector_that_was_ranked(
    make_trainer: Callable[..., Trainer], score: str, activation: str
) -> None:
    asked = {"method": "magnitude", "keep": 0.5, "fine_tune": 0.0, "score": score}
    trainer = make_trainer(asked, {"epochs": 1}, activation=activation)
    trainer.run()
    expected = FeedForward(trainer.network.affine[0].in_features, (32, 24), 7, activation)
    expected.load_state_dict(trainer.hooks.before_cut)
    with torch.no_grad():
        for layer, kept in zip(expected.node_layers(), trainer.hooks.cut.kept, strict=True):
            if score == "inorm":
                layer.incoming.weight[~kept] = 0
            else:
                layer.outgoing.weight[:, ~kept] = 0
    inputs = trainer.dev_frames.splice(torch.arange(60))
    assert torch.allclose(trainer.network.eval()(inputs), expected(inputs), atol=1e-5)
