"""Weighted and joint groups against loops written from their formulas."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.pruning.batches import LayerBatch
from asr_prune.pruning.methods.group_lasso.joint import JointPenalty
from asr_prune.pruning.methods.group_lasso.method import GroupLasso
from asr_prune.pruning.methods.group_lasso.options import GroupLassoOptions
from asr_prune.pruning.methods.group_lasso.weighted import WeightedPenalty, weights_of
from asr_prune.pruning.schedule import Phases


def make(**options: Any) -> tuple[FeedForward, GroupLasso, WeightedPenalty]:
    torch.manual_seed(0)
    network = FeedForward(5, (6, 4), 3).double()
    fixed = {"method": "group_lasso", "vectors": "outgoing", "min_nodes": 1, "floor": 0.0, "every": 1}
    asked = GroupLassoOptions(**(fixed | options))
    method = GroupLasso(asked, network.node_layers())
    assert isinstance(method.penalty, WeightedPenalty)
    return network, method, method.penalty


def backward(network: FeedForward) -> None:
    network.zero_grad()
    torch.nn.functional.cross_entropy(network(torch.randn(8, 5).double()), torch.randint(3, (8,))).backward()


def slow_weights(worth: list[list[float]], gamma: float) -> list[list[float]]:
    every = [w for layer in worth for w in layer]
    mean = sum(every) / len(every)
    raw = [[min(10.0, (w / mean) ** -gamma) if w else 10.0 for w in layer] for layer in worth]
    level = sum(sum(layer) for layer in raw) / len(every)
    return [[w / level for w in layer] for layer in raw]


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_weights_are_the_worth_to_a_negative_power(gamma: float) -> None:
    worth = [[1.0, 0.5, 0.0], [4.0, 1e-9]]
    found = weights_of([torch.tensor(layer) for layer in worth], gamma)
    for one, other in zip(found, slow_weights(worth, gamma), strict=True):
        assert one.tolist() == pytest.approx(other, rel=1e-5)


def test_without_power_all_groups_weigh_alike() -> None:
    assert [w.tolist() for w in weights_of([torch.tensor([3.0, 0.1])], 0.0)] == [[1.0, 1.0]]


@pytest.mark.parametrize("reweight", [False, True])
def test_adaptive_weights_are_of_the_norms_after_the_warm_up(reweight: bool) -> None:
    network, method, penalty = make(strength=0.3, weights="norm", reweight=reweight, steer_every=2)
    method.start(torch.optim.SGD(network.parameters(), lr=0.1), Phases(10, 2, 8))
    means, wanted = [], []
    for step in range(3, 7):
        norms = [layer.norms("outgoing").tolist() for layer in network.node_layers()]
        means = means or [sum(layer) / len(layer) for layer in norms]
        if step == 3 or (reweight and step == 5):
            wanted = slow_weights([[n / m for n in layer] for layer, m in zip(norms, means, strict=True)], 1.0)
        method.after_step(step)
        for pull, weights in zip(penalty.pulls, wanted, strict=True):
            assert pull.tolist() == pytest.approx(weights, rel=1e-6)


def test_a_weight_multiplies_the_step_of_its_group() -> None:
    network, method, penalty = make(strength=0.01, weights="norm")
    method.start(torch.optim.SGD(network.parameters(), lr=0.1), Phases(10, 0, 8))
    before = [layer.norms("outgoing") for layer in network.node_layers()]
    method.after_step(1)
    for layer, norms, pull in zip(network.node_layers(), before, penalty.pulls, strict=True):
        assert layer.norms("outgoing").tolist() == pytest.approx((norms - 0.1 * 0.01 * pull).tolist())


def test_weights_of_the_loss_settle_after_the_window() -> None:
    network, method, penalty = make(strength=0.3, weights="fisher", window=3, steer_every=2)
    method.start(torch.optim.SGD(network.parameters(), lr=0.0), Phases(20, 0, 18))
    pulls = []
    for step in range(1, 10):
        backward(network)
        method.after_backward()
        worth = [layer.tolist() for layer in penalty.losses["fisher"].scores()]
        method.after_step(step)
        pulls.append([pull.tolist() for pull in penalty.pulls])
        if step in (1, 3):
            for found, wanted in zip(pulls[-1], slow_weights(worth, 1.0), strict=True):
                assert found == pytest.approx(wanted, rel=1e-5)
    assert pulls[0] == pulls[1] != pulls[2]
    assert pulls[2:] == [pulls[2]] * 7


@pytest.mark.parametrize("kind", ["taylor", "fisher"])
def test_the_loss_foresees_who_is_kept(kind: str) -> None:
    network, method, penalty = make(keep=0.5, rank=kind, spare=0.0)
    method.start(torch.optim.SGD(network.parameters(), lr=0.1), Phases(10, 0, 8))
    backward(network)
    method.after_backward()
    method.after_step(1)
    scores = torch.cat(penalty.losses[kind].scores())
    protected = torch.cat(penalty.protected)
    assert int(protected.sum()) == 5
    assert scores[protected].min() >= scores[~protected].max()


def joint_vectors(network: FeedForward, level: int) -> Tensor:
    layers = network.affine
    return torch.cat([layers[level].weight.detach(), layers[level + 1].weight.detach().T], 1)


@torch.no_grad()
def test_joint_groups_shrink_layer_by_layer() -> None:
    """SGD: each joint vector loses eta lambda of its length, the layers one after another."""
    network, method, penalty = make(strength=0.5, vectors="both")
    assert isinstance(penalty, JointPenalty)
    copy = deepcopy(network)
    method.start(torch.optim.SGD(network.parameters(), lr=0.1), Phases(10, 0, 8))
    penalty.score.roots = [torch.full((layer.size,), 1.0).double() for layer in network.node_layers()]
    for level in range(2):
        exact = penalty.score.scores()[level]
        penalty.score.roots[level] = (exact - 0.05).clamp_min(0)
        penalty.score.roots[level] = penalty.shrink(
            LayerBatch((level,), 1), torch.full_like(exact, 0.5), torch.zeros_like(exact, dtype=torch.bool)
        )
        for j, vector in enumerate(joint_vectors(copy, level)):
            factor = max(0.0, 1 - 0.05 / float(vector.norm()))
            copy.affine[level].weight.data[j] *= factor
            copy.affine[level + 1].weight.data[:, j] *= factor
    for one, other in zip(network.affine, copy.affine, strict=True):
        assert torch.allclose(one.weight, other.weight, atol=1e-9)


def test_joint_norms_are_of_both_vectors() -> None:
    network, method, _ = make(strength=0.5, vectors="both")
    for level, norms in enumerate(method.score.scores()):
        assert norms.tolist() == pytest.approx(joint_vectors(network, level).norm(dim=1).tolist())


def test_both_vectors_have_no_weight_decay() -> None:
    network, _, penalty = make(strength=0.5, vectors="both")
    assert {id(w) for w in penalty.no_decay()} == {id(layer.weight) for layer in network.affine}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"gamma": -1.0}, "gamma must be 0 or more"),
        ({"window": 0}, "window 1 or more"),
        ({"solver": "subgradient", "vectors": "both"}, "solver must be proximal for vectors both"),
        ({"solver": "subgradient", "rank": "taylor"}, "solver must be proximal"),
    ],
)
def test_bad_options_are_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GroupLassoOptions(method="group_lasso", **asked)


@pytest.mark.parametrize("steer_every", [1, 2, 24])
def test_weights_are_found_however_often_lambda_is_corrected(steer_every: int) -> None:
    network = FeedForward(5, (6, 4), 3)
    asked = {"keep": 0.5, "floor": 0.0, "min_nodes": 1, "every": 1, "steer_every": steer_every, "weights": "norm"}
    method = GroupLasso(GroupLassoOptions(method="group_lasso", **asked), network.node_layers())
    phases = Phases.of(100, 0.2, 0.5)
    method.start(torch.optim.SGD(network.parameters(), lr=0.01), phases)
    for step in range(phases.sparsify_from + 1, phases.sparsify_from + 4):
        method.after_step(step)
    assert isinstance(method.penalty, WeightedPenalty)
    assert method.penalty.settled
    assert any(len(set(pull.tolist())) > 1 for pull in method.penalty.pulls)
