"""The proximal maps against their definitions, and the minimiser that each optimiser reaches with them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, optim

from asr_prune.pruning.prox import (
    adam_metric,
    decay,
    metric_of,
    sgd_threshold,
    shrink_diagonal,
    shrink_euclidean,
    soften,
)


def full(value: float) -> Tensor:
    return torch.full((6,), value, dtype=torch.float64)


def scratch_for(weight: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(weight), torch.empty_like(weight)


NOBODY = torch.zeros(6, dtype=torch.bool)


def slow_prox(v: Tensor, d: Tensor, strength: float) -> Tensor:
    """argmin_u 1/2 sum d (u - v)^2 + strength ||u|| for one vector, by bisection on its norm."""
    if (d * v).norm() <= strength:
        return torch.zeros_like(v)
    low, high = 0.0, float(v.norm()) * 2
    for _ in range(200):
        r = (low + high) / 2
        low, high = (r, high) if (d * v / (d * r + strength)).norm() > 1 else (low, r)
    return d * r * v / (d * r + strength)


@pytest.mark.parametrize("dim", [0, 1])
def test_diagonal_prox_is_its_definition(dim: int) -> None:
    torch.manual_seed(dim)
    weight = torch.randn(6, 6, dtype=torch.float64) * torch.rand(6, dtype=torch.float64)
    metric = torch.rand(6, 6, dtype=torch.float64) * 50 + 1
    expected = weight.clone()
    for j in range(6):
        at = (slice(None), j) if dim == 0 else (j, slice(None))
        expected[at] = slow_prox(weight[at], metric[at], 20.0)
    roots = shrink_diagonal(weight, metric, full(20.0), dim, weight.norm(dim=dim), NOBODY, scratch_for(weight), 12)
    assert torch.allclose(weight, expected, atol=1e-10)
    assert torch.allclose(roots, weight.norm(dim=dim), atol=1e-10)


@pytest.mark.parametrize("dim", [0, 1])
def test_uniform_metric_is_block_soft_thresholding(dim: int) -> None:
    torch.manual_seed(4)
    one = torch.randn(6, 6, dtype=torch.float64) * torch.rand(6, dtype=torch.float64)
    other = one.clone()
    shrink_euclidean(one, full(0.3), dim, NOBODY)
    shrink_diagonal(
        other,
        torch.full_like(other, 10.0),
        full(3.0),
        dim,
        other.norm(dim=dim),
        NOBODY,
        scratch_for(other),
        4,
    )
    assert torch.allclose(one, other, atol=1e-12)


def test_the_metric_of_sgd_is_one_over_its_threshold_and_finite_at_a_rate_of_zero() -> None:
    weight = torch.nn.Parameter(torch.ones(2, 3))
    for rate, momentum, expected in ((0.5, 0.0, 2.0), (0.25, 0.5, 2.0), (0.0, 0.0, 1e30)):
        optimiser = torch.optim.SGD([weight], lr=rate, momentum=momentum)
        metric = metric_of(optimiser, weight, torch.empty(2, 3))
        assert metric.shape == weight.shape
        assert metric.unique().tolist() == pytest.approx([expected])


def test_protected_groups_do_not_die() -> None:
    weight = torch.ones(3, 6)
    protected = torch.tensor([True, False] * 3)
    norms = shrink_euclidean(weight, full(100.0).float(), 0, protected)
    assert (norms > 0).tolist() == protected.tolist()
    weight = torch.ones(3, 6)
    norms = shrink_diagonal(
        weight,
        torch.ones(3, 6),
        full(100.0).float(),
        0,
        weight.norm(dim=0),
        protected,
        scratch_for(weight),
        3,
    )
    assert (norms > 0).tolist() == protected.tolist()


def elements(dim: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(dim)
    weight, metric = (
        torch.randn(6, 6, dtype=torch.float64),
        torch.rand(6, 6, dtype=torch.float64) * 50 + 1,
    )
    return weight, metric, torch.linspace(0, 20, 6, dtype=torch.float64)


@pytest.mark.parametrize("dim", [0, 1])
def test_softening_moves_each_weight_by_its_own_threshold(dim: int) -> None:
    weight, metric, strength = elements(dim)
    expected = weight.clone()
    for row in range(6):
        for column in range(6):
            threshold = strength[column if dim == 0 else row] / metric[row, column]
            v = weight[row, column]
            expected[row, column] = v.sign() * max(0.0, float(v.abs() - threshold))
    sums = soften(weight, metric, strength, dim, NOBODY, scratch_for(weight))
    assert torch.allclose(weight, expected, atol=1e-12)
    assert torch.equal(weight == 0, expected == 0)
    assert torch.allclose(sums, expected.abs().sum(dim))


def test_softening_leaves_something_of_what_is_protected() -> None:
    weight, protected = torch.randn(4, 6), torch.tensor([True, False] * 3)
    largest = weight.abs().amax(0)
    sums = soften(weight, torch.ones(4, 6), full(100.0).float(), 0, protected, scratch_for(weight))
    assert (sums > 0).tolist() == protected.tolist()
    assert torch.allclose(weight.abs().amax(0)[protected], 0.1 * largest[protected])


@pytest.mark.parametrize("dim", [0, 1])
def test_decay_is_its_definition(dim: int) -> None:
    weight, metric, strength = elements(dim)
    before = weight.clone()
    norms = decay(weight, metric, strength, dim, scratch_for(weight))
    slope = metric * (weight - before) + 2 * strength.unsqueeze(dim) * weight
    assert slope.abs().max() < 1e-9
    assert torch.allclose(norms, weight.norm(dim=dim))


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_every_optimiser_reaches_the_minimiser_of_other_penalties(name: str, penalty: str) -> None:
    """min_w 1/2n ||X w - y||^2 + lambda r(w): the end obeys the KKT conditions to 2 % of lambda."""
    torch.manual_seed(0)
    inputs = torch.randn(200, 6, dtype=torch.float64)
    targets = inputs @ torch.tensor([[2.0], [1.0], [0.3], [0.1], [0.0], [-1.5]], dtype=torch.float64)
    targets = targets + 0.1 * torch.randn(200, 1, dtype=torch.float64)
    strength = torch.full((1,), 0.2, dtype=torch.float64)
    weight = torch.randn(6, 1, dtype=torch.float64).requires_grad_()
    optimiser, steps, nobody = OPTIMISERS[name]([weight]), 4000, torch.zeros(1, dtype=torch.bool)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = group["lr"] if step < steps / 3 else group["lr"] * (1e-3 ** (1.5 / steps))
        optimiser.zero_grad()
        (0.5 / 200 * (inputs @ weight - targets).square().sum()).backward()
        optimiser.step()
        with torch.no_grad():
            metric = metric_of(optimiser, weight, torch.empty_like(weight))
            if penalty == "l1":
                soften(weight, metric, strength, 0, nobody, scratch_for(weight))
            else:
                decay(weight, metric, strength, 0, scratch_for(weight))
    end = weight.detach()
    gradient = inputs.T @ (inputs @ end - targets) / 200
    if penalty == "l2":
        assert (gradient + 2 * 0.2 * end).abs().max() < 0.02 * 0.2
        return
    residual = torch.where(end == 0, (gradient.abs() - 0.2).clamp_min(0), (gradient + 0.2 * end.sign()).abs())
    assert residual.max() < 0.02 * 0.2
    assert (end == 0).sum() >= 2


OPTIMISERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.02),
    "momentum": lambda p: optim.SGD(p, lr=0.004, momentum=0.9),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adamw": lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.0),
}


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("every", [1, 8])
def test_every_optimiser_reaches_the_minimiser(name: str, every: int) -> None:
    """min_W 1/2n ||X W - Y||^2 + lambda sum_j ||W[:, j]||: the end obeys the KKT conditions to 2 % of lambda."""
    torch.manual_seed(0)
    inputs = torch.randn(200, 5, dtype=torch.float64) * torch.tensor([3.0, 1.0, 0.5, 1.0, 2.0], dtype=torch.float64)
    truth = torch.randn(5, 6, dtype=torch.float64) * torch.tensor([1, 1, 0.05, 0, 0.3, 0])
    targets = inputs @ truth + 0.1 * torch.randn(200, 6, dtype=torch.float64)
    strength = 0.4
    weight = torch.randn(5, 6, dtype=torch.float64).requires_grad_()
    optimiser = OPTIMISERS[name]([weight])
    roots = weight.detach().norm(dim=0)
    steps = 6000
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = group["lr"] if step < steps / 3 else group["lr"] * (1e-3 ** (1.5 / steps))
        optimiser.zero_grad()
        (0.5 / 200 * (inputs @ weight - targets).square().sum()).backward()
        optimiser.step()
        if (step + 1) % every:
            continue
        metric = adam_metric(optimiser, weight)
        with torch.no_grad():
            if metric is None:
                shrink_euclidean(weight, full(strength * every * sgd_threshold(optimiser, weight)), 0, NOBODY)
            else:
                roots = shrink_diagonal(weight, metric, full(strength * every), 0, roots, NOBODY, scratch_for(weight))
    gradient = inputs.T @ (inputs @ weight.detach() - targets) / 200
    for w, g in zip(weight.detach().T, gradient.T, strict=True):
        residual = (
            max(0.0, float(g.norm()) - strength) if w.norm() == 0 else float((g + strength * w / w.norm()).norm())
        )
        assert residual < 0.02 * strength
    assert (weight.detach().norm(dim=0) == 0).sum() >= 2


@pytest.mark.parametrize("dim", [0, 1])
def test_a_vector_over_several_taps_is_one_group(dim: int) -> None:
    """Weights [rows, taps, columns] against the same numbers as a matrix with the groups in its columns or rows."""
    torch.manual_seed(7)
    weight, metric = (
        torch.randn(6, 3, 6, dtype=torch.float64),
        torch.rand(6, 3, 6, dtype=torch.float64) * 20 + 1,
    )
    flat = (
        (weight.reshape(18, 6), metric.reshape(18, 6)) if dim == 0 else (weight.reshape(6, 18), metric.reshape(6, 18))
    )
    norms = flat[0].norm(dim=dim)
    for prox in (
        lambda w, d: shrink_diagonal(w, d, full(9.0), dim, norms, NOBODY, scratch_for(w), 5),
        lambda w, d: soften(w, d, full(4.0), dim, NOBODY, scratch_for(w)),
        lambda w, d: decay(w, d, full(3.0), dim, scratch_for(w)),
        lambda w, d: shrink_euclidean(w, full(1.5), dim, NOBODY),
    ):
        taps, matrix = weight.clone(), flat[0].clone()
        assert torch.allclose(prox(taps, metric.clone()), prox(matrix, flat[1].clone()))
        assert torch.allclose(taps.reshape(matrix.shape), matrix)
        assert not torch.allclose(taps, weight)
