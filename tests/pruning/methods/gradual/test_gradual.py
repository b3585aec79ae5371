"""Gradual pruning against Zhu and Gupta's schedule, and that what has gone stays gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic import architectures as networks
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.budget import BudgetOptions
from asr_prune.pruning.methods.gradual.method import Gradual
from asr_prune.pruning.methods.gradual.options import GradualOptions
from asr_prune.pruning.schedule import Phases


def make(hidden: tuple[int, ...] = (30, 20), **options: Any) -> tuple[FeedForward, Gradual]:
    torch.manual_seed(0)
    network = FeedForward(5, hidden, 3).double()
    made = GradualOptions(**{"method": "gradual", "min_nodes": 1, **options})
    return network, Gradual(made, network.node_layers())


def begun(method: Gradual, network: torch.nn.Module, plan: Phases) -> None:
    method.start(torch.optim.SGD(network.parameters(), lr=0.1), plan)


def wanted(method: Gradual, progress: float) -> float:
    """Nodes that should remain at `progress` of the sparsify phase."""
    return method.nodes.request.after(progress, method.nodes.target)[0]


def test_the_nodes_follow_the_cubic_schedule() -> None:
    network, method = make(keep=0.3, every=4)
    begun(method, network, Phases(100, 20, 60))
    for step in range(21, 61):
        method.after_step(step)
        last = step if step == 60 else 20 + 4 * ((step - 20) // 4)
        sparsity = 0.7 + (0.0 - 0.7) * (1 - (last - 20) / 40) ** 3
        assert sum(int(mask.sum()) for mask in method.score.living) == round(50 * (1 - sparsity))
    assert sum(int(mask.sum()) for mask in method.finish()) == 15


def test_the_lowest_products_over_the_living_mean_go_and_stay_gone() -> None:
    network, method = make(keep=0.3, every=4, floor=0.0)
    begun(method, network, Phases(100, 20, 60))
    gone: set[tuple[int, int]] = set()
    for step in range(24, 61, 4):
        ranks = []
        for level, layer in enumerate(network.node_layers()):
            living = [j for j in range(layer.size) if (level, j) not in gone]
            into, out = layer.incoming.weight.detach(), layer.outgoing.weight.detach()
            products = {j: float(into[j].norm() * out[:, j].norm()) for j in living}
            mean = sum(products.values()) / len(products)
            ranks += [(product / mean, level, j) for j, product in products.items()]
        count = wanted(method, (step - 20) / 40)
        gone |= {(level, j) for _, level, j in sorted(ranks)[: len(ranks) - count]}
        method.after_step(step)
        found = {
            (level, j) for level, mask in enumerate(method.score.living) for j in (~mask).nonzero().flatten().tolist()
        }
        assert found == gone
        assert all(torch.equal(lost, ~mask) for lost, mask in zip(method.gone(), method.score.living, strict=True))
        with torch.no_grad():
            for layer in network.affine:
                layer.weight.add_(0.01 * torch.randn_like(layer.weight))


@given(
    hidden=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    keep=st.floats(0.01, 1),
    floor=st.sampled_from([0.0, 0.5, 0.8, 1.0]),
    score=st.sampled_from(["auto", "onorm", "inorm", "product"]),
)
@settings(max_examples=60)
def test_the_budget_is_hit_and_layers_keep_their_floor(
    hidden: list[int], keep: float, floor: float, score: str
) -> None:
    network, method = make(tuple(hidden), keep=keep, floor=floor, score=score, every=3, min_nodes=2)
    begun(method, network, Phases(20, 2, 17))
    for step in range(3, 18):
        method.after_step(step)
    kept = method.finish()
    assert sum(int(mask.sum()) for mask in kept) == method.nodes.target
    assert all(int(mask.sum()) >= low for mask, low in zip(kept, method.nodes.minima, strict=True))


@pytest.mark.parametrize(
    ("kind", "hidden", "cost", "share"),
    [
        ("tdnn", (48, 128), "macs", 0.1),
        ("feed_forward", (128, 48), "params", 0.1),
        ("tdnnf", (64, 128), "macs", 0.2),
        ("tdnnf", (48, 64), "params", 0.1),
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_budget_is_used_though_ranks_change(
    kind: Any, hidden: tuple[int, ...], cost: str, share: float, seed: int
) -> None:
    torch.manual_seed(seed)
    network = networks.make(NetworkOptions(type=kind, hidden=hidden), 40, 30)
    made = GradualOptions(method="gradual", budget=BudgetOptions(**{cost: share}), every=1)
    method = Gradual(made, network.node_layers())
    begun(method, network, Phases(40, 1, 31))
    for step in range(2, 32):
        for layer in network.affine:
            layer.weight.data.mul_(1 + 0.1 * torch.randn_like(layer.weight[:, :1]))
        method.after_step(step)
    request, counts = method.nodes.request, [int(mask.sum()) for mask in method.finish()]
    assert request.spent(counts) <= request.limit
    larger = [[n + (i == level) for i, n in enumerate(counts)] for level in range(len(counts))]
    no_room = all(request.spent(one) > request.limit for one in larger)
    assert no_room or request.spent(counts) >= 0.98 * request.limit


def test_the_cut_finds_nothing_left_and_dropout_follows(
    make_trainer: Callable[..., Trainer],
) -> None:
    trainer = make_trainer({"method": "gradual", "keep": 0.5, "every": 5, "fine_tune": 0.3}, dropout=0.2)
    trainer.run()
    cut = trainer.hooks.cut
    assert cut.norm_mass_removed == 0
    assert cut.dev_ce_after == pytest.approx(cut.dev_ce_before)
    assert trainer.hooks.converged is None
    assert trainer.network.dropouts == pytest.approx(
        [0.2 * n / size for n, size in zip(cut.nodes, (32, 24), strict=True)]
    )
    nodes = [row["nodes"] for row in trainer.metrics]
    assert nodes == sorted(nodes, reverse=True)
    assert nodes[-1] == 28


@pytest.mark.parametrize("wrong", [{"strength": 0.1}, {"every": 0}])
def test_options_refuse(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"gradual takes keep|must be"):
        GradualOptions(method="gradual", **wrong)


@pytest.mark.parametrize("score", ["taylor", "fisher"])
def test_the_least_worth_to_the_loss_go(score: str) -> None:
    network, method = make(keep=0.3, every=4, floor=0.0, score=score)
    begun(method, network, Phases(100, 20, 60))
    slopes: list[list[torch.Tensor]] = []
    for step in range(21, 25):
        network.zero_grad()
        torch.nn.functional.cross_entropy(network(torch.randn(9, 5).double()), torch.randint(3, (9,))).backward()
        weights = [layer.outgoing.weight for layer in network.node_layers()]
        slopes.append([(w.detach() * w.grad).sum(0) for w in weights])
        method.after_backward()
        method.after_step(step)
    kinds = [[s.abs() if score == "taylor" else s**2 for s in batch] for batch in slopes]
    means = torch.cat([sum(batch[i] for batch in kinds) / 4 for i in range(2)])
    living = torch.cat(method.score.living)
    assert int(living.sum()) == wanted(method, 4 / 40)
    assert means[living].min() >= means[~living].max()
