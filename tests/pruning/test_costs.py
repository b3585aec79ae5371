"""What a network costs by the nodes of its layers, and what a budget leaves of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.checkpoint import Model, save_model
from asr_prune.acoustic.network import Network, size_of
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.cli.main import main
from asr_prune.errors import UserError
from asr_prune.pruning.budget import BudgetOptions, PricedBudget
from asr_prune.pruning.costs import spent_by
from asr_prune.pruning.networks import check_budget
from asr_prune.pruning.nodes import Nodes, affordable, request_of, strongest
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.prices import priced
from asr_prune.pruning.registry import find_options
from asr_prune.pruning.requests import UNUSED, CostRequest

KINDS = ["feed_forward", "residual", "tdnn", "tdnnf"]
shapes = st.lists(st.integers(1, 60), min_size=1, max_size=6).map(tuple)
kinds = st.sampled_from(KINDS)
costs = st.sampled_from(["params", "macs"])


def network_of(kind: str, hidden: tuple[int, ...]) -> Network:
    shape: dict[str, Any] = {"context": ((0,), (-1, 0, 1)), "strides": (1, 3, 1), "stream": 16}
    return make(NetworkOptions(type=kind, hidden=hidden, **shape), 20, 9)  # type: ignore[arg-type]


def scored(kind: str, hidden: tuple[int, ...], **asked: Any) -> tuple[Nodes, list[torch.Tensor]]:
    """The nodes of a network under a budget, and random scores for them."""
    options = PruneOptions(budget=BudgetOptions(**asked), min_nodes=1)
    nodes = Nodes(network_of(kind, hidden).node_layers(), options)
    return nodes, [torch.rand(size) for size in hidden]


@given(kind=kinds, hidden=shapes, data=st.data())
def test_costs_are_those_of_the_network_itself(kind: str, hidden: tuple[int, ...], data: st.DataObject) -> None:
    kept = tuple(data.draw(st.integers(1, size)) for size in hidden)
    layers, size = network_of(kind, hidden).node_layers(), size_of(network_of(kind, kept))
    counts = np.array([kept, hidden], float)
    params, macs = (spent_by(BudgetOptions(**{kind: 1}), layers) for kind in ("params", "macs"))
    assert params(counts)[0] == size.params
    assert round(macs(counts)[0]) == size.macs
    assert params(counts).tolist() == [size.params, size_of(network_of(kind, hidden)).params]


@given(kind=kinds, cost=costs, hidden=shapes, share=st.floats(0.05, 1), seed=st.integers(0, 99))
@settings(deadline=None)
def test_the_choice_is_within_the_budget_and_leaves_no_room(
    kind: str, cost: str, hidden: tuple[int, ...], share: float, seed: int
) -> None:
    torch.manual_seed(seed)
    nodes, scores = scored(kind, hidden, **{cost: share})
    request = nodes.request
    try:
        request.check()
    except ValueError:
        assert request.spent(nodes.minima) > share * request.dense
        return
    for counts in ([int(mask.sum()) for mask in nodes.strongest(scores)], nodes.even()):
        assert request.spent(counts) <= share * request.dense
        assert all(a <= b <= c for a, b, c in zip(nodes.minima, counts, hidden, strict=True))
        for i in (i for i, size in enumerate(hidden) if counts[i] < size):
            assert request.spent([n + (i == j) for j, n in enumerate(counts)]) > share * request.dense


def walked(scores: list[torch.Tensor], limit: float, minima: list[int], spent: Callable[[Any], float]) -> list[int]:
    """Counts by a walk down the ranking, a node at a time."""
    ranked = [scores[i].argsort(descending=True, stable=True).tolist() for i in range(len(scores))]
    counts, full = list(minima), set[int]()
    left = [(-float(s[j]), i) for i, s in enumerate(scores) for j in ranked[i][minima[i] :]]
    for _, i in sorted(left):
        more = [n + (i == k) for k, n in enumerate(counts)]
        if i in full or spent(more) > limit:
            full.add(i)
        else:
            counts = more
    return counts


@given(kind=kinds, cost=costs, hidden=shapes, share=st.floats(0.2, 1), seed=st.integers(0, 99))
@settings(deadline=None)
def test_the_choice_is_that_of_a_walk_down_the_ranking_or_nearer(
    kind: str, cost: str, hidden: tuple[int, ...], share: float, seed: int
) -> None:
    torch.manual_seed(seed)
    nodes, scores = scored(kind, hidden, **{cost: share})
    kept = nodes.strongest(scores)
    assert nodes.target is not None
    counts = walked(scores, nodes.target, nodes.minima, nodes.request.spent)
    found, spent = [int(mask.sum()) for mask in kept], nodes.request.spent
    assert found == counts or spent(counts) < min((1 - UNUSED) * nodes.target, spent(found))
    best = [score[mask].min() >= score[~mask].max() for score, mask in zip(scores, kept, strict=True) if (~mask).any()]
    assert all(best)


@given(hidden=shapes, seed=st.integers(0, 99), share=st.floats(0, 1))
def test_where_a_node_is_the_unit_the_choice_is_that_of_keep(hidden: tuple[int, ...], seed: int, share: float) -> None:
    torch.manual_seed(seed)
    scores, minima = [torch.rand(size) for size in hidden], [1] * len(hidden)
    request = CostRequest(hidden, PruneOptions(budget=BudgetOptions(params=1)), lambda counts: counts.sum(-1))
    count = round(share * sum(hidden))
    for one, other in zip(affordable(scores, count, minima, request), strongest(scores, count, minima), strict=True):
        assert torch.equal(one, other)


def test_a_node_that_is_gone_takes_no_place() -> None:
    nodes, scores = scored("feed_forward", (10, 10), params=0.5)
    layer = nodes.layers[0]
    layer.outgoing.weight.data[:, :4] = 0
    scores[0][:4] = 9
    assert not nodes.strongest(scores)[0][:4].any()


@given(
    kind=kinds, cost=costs, hidden=shapes, share=st.floats(0.001, 1), least=st.integers(1, 12), floor=st.floats(0, 1)
)
@settings(deadline=None)
def test_a_refusal_says_what_can_be_had(
    kind: str, cost: str, hidden: tuple[int, ...], share: float, least: int, floor: float
) -> None:
    network = network_of(kind, hidden)
    told: dict[str, Any] = {"min_nodes": least, "floor": floor}
    try:
        check_budget(PruneOptions(budget=BudgetOptions(**{cost: share}), **told), network)
    except UserError as error:
        enough = float(str(error).split("(to ")[1].split()[0])
        assert enough > share
        check_budget(PruneOptions(budget=BudgetOptions(**{cost: enough}), **told), network)


@pytest.mark.parametrize(
    ("asked", "limit"),
    [({"params": 0.25}, 250), ({"macs": "0.5k"}, 500), ({"params": "1.5M"}, 1.5e6), ({"macs": 7}, 7)],
)
def test_an_amount_is_a_fraction_or_a_number(asked: dict[str, Any], limit: float) -> None:
    assert BudgetOptions(**asked).limit(1000) == limit


@pytest.mark.parametrize("asked", [{}, {"params": 0.2, "macs": 0.2}, {"params": 0}, {"params": "many"}, {"macs": -1}])
def test_other_budgets_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^budget"):
        BudgetOptions(**asked)


@given(kind=kinds, hidden=shapes, data=st.data())
@settings(deadline=None, max_examples=40)
def test_a_file_is_no_larger_than_its_price(
    tmp_path_factory: pytest.TempPathFactory, kind: str, hidden: tuple[int, ...], data: st.DataObject
) -> None:
    kept = tuple(data.draw(st.integers(1, size)) for size in hidden)
    dense, small = network_of(kind, hidden), network_of(kind, kept)
    asked, folder = PruneOptions(budget=BudgetOptions(bytes="1M"), min_nodes=1), tmp_path_factory.mktemp("model")
    features, tokens = {"network": {"type": "mfcc"}}, ["_", "a"]
    unkept = Model(dense, torch.zeros(9), (1, 1), [[] for _ in hidden], features, tokens)
    request = request_of(dense.node_layers(), priced(asked, unkept, folder / "prices.json"))
    chosen = [sorted(data.draw(st.permutations(range(size)))[:n]) for size, n in zip(hidden, kept, strict=True)]
    model = Model(small, torch.zeros(9), (1, 1), chosen, features, tokens)
    path = folder / "network.pt"
    save_model(path, model)
    assert 0 <= request.spent(kept) - path.stat().st_size <= 70 * (len(small.state_dict()) + 7)


@pytest.mark.parametrize("kind", KINDS)
def test_milliseconds_are_those_of_rows_and_weights(kind: str) -> None:
    hidden = (6, 9)
    network = network_of(kind, hidden)
    budget = PricedBudget(ms_per_second=3, prices=(0.5, 0.01, 0.001))
    maps = [(m.weight.shape[0], m.weight.numel(), getattr(m, "rate", 1)) for m in network.affine]
    by_hand = 0.5 + sum(rate * (0.01 * rows + 0.001 * weights) for rows, weights, rate in maps)
    assert spent_by(budget, network.node_layers())(np.array(hidden, float)) == pytest.approx(by_hand)


def test_the_times_of_layers_are_fitted_once_for_a_run(tmp_path: Path) -> None:
    dense, kept = network_of("feed_forward", (300, 300)), tmp_path / "prices.json"
    asked = PruneOptions(budget=BudgetOptions(ms_per_second=0.05), min_nodes=1)
    found = [priced(asked, Model(dense, torch.zeros(9), (0, 1), []), kept).budget for _ in range(2)]
    assert found[0] == found[1]
    assert isinstance(found[0], PricedBudget)
    assert min(found[0].prices) >= 0
    assert sum(found[0].prices[1:3]) > 0
    assert found[0].prices[3] > 0


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("none", {}),
        ("dsd", {}),
        ("l2", {"keep": 0.5}),
        ("l2", {"strength": 0.1}),
        ("l2", {"inputs": True}),
        ("l2", {"output_rank": 4}),
        ("magnitude", {"granularity": "weight"}),
        ("dense_small", {"like": "other"}),
    ],
)
def test_budgets_that_cannot_be_met_are_refused(method: str, more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"budget|like"):
        find_options(method)(method=method, budget=BudgetOptions(params=0.5), **more)


@pytest.mark.parametrize("method", ["group_lasso", "dense_small"])
def test_a_budget_that_is_too_small_is_refused_as_soon_as_the_outputs_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder, labels = tmp_path / "recipes/demo", tmp_path / "exp/demo/align/mono"
    for path in (folder, labels):
        path.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(
        "corpus: {prepare: local/demo.py}\nhmm: {stop_after: mono}\nnetwork: {hidden: [300, 128, 64]}\n"
        f"prune: {{method: {method}, budget: {{params: 0.01}}}}\n"
    )
    (labels / "summary.json").write_text('{"pdfs": 110}')
    assert main(["train", "--recipe", "recipes/demo"]) == 1
    said = capsys.readouterr().err
    assert f"run {method}-params0.01: prune: budget params 0.01 allows" in said
    assert "at least 4,662 in layers of 300/128/64" in said, said
