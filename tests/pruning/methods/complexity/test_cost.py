"""Expected complexity against counting every choice of gates."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.pruning.methods.complexity.cost import Cost

HIDDEN = (2, 3)


def network_of(kind: str) -> Network:
    return make(NetworkOptions(type=kind, hidden=HIDDEN, stream=4, strides=(1, 2)), 5, 6)  # type: ignore[arg-type]


def counted(kind: str, nodes: list[int]) -> tuple[float, float]:
    """Multiply-adds and parameters of what nodes can remove, by hand."""
    if kind == "residual":
        return sum(8.0 * n for n in nodes), sum(9.0 * n for n in nodes)
    if kind == "tdnn":
        weights = 5.0 * nodes[0], nodes[0] * 3 * nodes[1], nodes[1] * 6
        return weights[0] + weights[1] / 2 + weights[2] / 2, sum(weights) + sum(nodes)
    macs = 5.0 * nodes[0] + nodes[0] * nodes[1] + nodes[1] * 6
    return macs, macs + sum(nodes)


@pytest.mark.parametrize("kind", ["feed_forward", "residual", "tdnn"])
@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0])
def test_the_expectation_is_over_every_choice_of_gates(kind: str, rho: float) -> None:
    torch.manual_seed(0)
    cost = Cost(network_of(kind).node_layers(), rho)
    thetas, layers = [torch.rand(n).double() for n in HIDDEN], torch.rand(2).double()
    dense, macs, params = counted(kind, list(HIDDEN)), 0.0, 0.0
    for gates in product([0, 1], repeat=sum(HIDDEN) + 2):
        odds = torch.cat([*thetas, layers])
        chance = float(torch.where(torch.tensor(gates) == 1, odds, 1 - odds).prod())
        alive = [sum(gates[:2]) * gates[5], sum(gates[2:5]) * gates[6]]
        found = counted(kind, alive)
        macs, params = macs + chance * found[0], params + chance * found[1]
    counts = torch.stack([(theta * whole).sum() for theta, whole in zip(thetas, layers, strict=True)])
    told = cost.expected(counts)
    assert [float(told[0]), float(told[1])] == pytest.approx([macs, params], rel=1e-9)
    assert float(cost.of(counts)) == pytest.approx(rho * macs / dense[0] + (1 - rho) * params / dense[1], rel=1e-9)


@pytest.mark.parametrize("kind", ["feed_forward", "residual", "tdnn"])
def test_slopes_are_what_one_more_node_adds(kind: str) -> None:
    cost = Cost(network_of(kind).node_layers(), 0.4)
    counts = torch.tensor([1.2, 2.5], dtype=torch.float64)
    for i, slope in enumerate(cost.slopes(counts).tolist()):
        more = counts + torch.eye(2, dtype=torch.float64)[i]
        assert slope == pytest.approx(float(cost.of(more) - cost.of(counts)), rel=1e-9)


def test_the_dense_network_costs_one() -> None:
    for kind in ("feed_forward", "residual"):
        cost = Cost(network_of(kind).node_layers(), 0.7)
        assert float(cost.of(torch.tensor([2.0, 3.0]))) == pytest.approx(1.0)
