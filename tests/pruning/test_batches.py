"""Layers as the rows of one matrix: the same steps as one layer after the other, in fewer calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.pruning.batches import LayerBatch, batches, of_layers
from asr_prune.pruning.method import Method
from asr_prune.pruning.registry import find_method, find_options
from asr_prune.pruning.schedule import Phases

SHAPES = st.lists(st.sampled_from([(3, 5), (4, 2), (1, 1), (2, 3, 4), (5, 1, 2)]), min_size=1, max_size=4)
ASKED = [
    {"method": "group_lasso", "vectors": "incoming", "keep": 0.5},
    {"method": "group_lasso", "vectors": "outgoing", "strength": 0.02},
    {"method": "guided", "norm": "l1", "keep": 0.5},
    {"method": "guided", "norm": "l2", "strength": 0.02},
    {"method": "guided", "norm": "group", "keep": 0.5},
    {"method": "l1", "keep": 0.5},
]


class Calls(TorchDispatchMode):
    """Counts calls of torch's operators that are more than views: on a GPU, kernels to start."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        views = [own.alias_info and not own.alias_info.is_write for own in func._schema.returns]
        self.count += not any(views)
        return func(*args, **(kwargs or {}))


@given(SHAPES, st.sampled_from([0, 1]))
def test_a_matrix_has_a_row_per_group_and_goes_back(shapes: list[tuple[int, ...]], side: int) -> None:
    own = [torch.randn(shape) for shape in shapes]
    before = [value.clone() for value in own]
    batch = LayerBatch(tuple(range(len(own))), side)
    matrix = batch.matrix(own)
    rows = matrix if batch.dim == 1 or matrix.dim() == 3 else matrix.T
    if not batch.alone:
        lengths = [batch.rows(value).shape for value in own]
        assert matrix.shape == (sum(n for n, _ in lengths), max(length for _, length in lengths))
        assert int(rows.count_nonzero()) == sum(value.numel() for value in own)
        matrix.mul_(2)
        assert all(torch.equal(value, old) for value, old in zip(own, before, strict=True))
    else:
        matrix.mul_(2)
    batch.put_back(matrix, own)
    assert all(torch.equal(value, 2 * old) for value, old in zip(own, before, strict=True))


def test_every_layer_is_in_one_batch_and_has_its_own_values_again(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = [torch.ones(2, 3), torch.ones(40, 50), torch.ones(4, 2)]
    assert [batch.members for batch in batches(weights, 1)] == [(0,), (1,), (2,)]  # on a CPU
    monkeypatch.setattr("asr_prune.pruning.batches._small", lambda weight: weight.numel() < 100)
    chosen = batches(weights, 1)
    assert [batch.members for batch in chosen] == [(1,), (0, 2)]
    values = [torch.arange(2), torch.arange(40), torch.arange(4)]
    again = of_layers([(batch, batch.vector(values)) for batch in chosen], [2, 40, 4])
    assert all(torch.equal(one, other) for one, other in zip(again, values, strict=True))


def trained(
    asked: dict[str, Any], optimiser: str, updates: int = 12, hidden: tuple[int, ...] = (9, 7, 5, 6)
) -> tuple[FeedForward, Method, int]:
    """A network after some updates with a method, and how many calls the last `after_step` made."""
    torch.manual_seed(1)
    network = FeedForward(8, hidden, 4).double()
    often = {"every": 1} | ({} if asked["method"] == "l1" else {"steer_every": 2})
    options = find_options(asked["method"])(**asked, min_nodes=1, **often)
    method = find_method(asked["method"])(options, network.node_layers())
    own = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[optimiser](network.parameters(), lr=0.02)
    method.start(own, Phases(updates + 2, 1, updates + 1))
    for step in range(1, updates + 1):
        own.zero_grad()
        torch.nn.functional.cross_entropy(network(torch.randn(16, 8).double()), torch.randint(4, (16,))).backward()
        own.step()
        with Calls() as calls:
            method.after_step(step)
    return network, method, calls.count


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: "-".join(map(str, asked.values())))
def test_steps_together_are_the_steps_one_by_one(
    asked: dict[str, Any], optimiser: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _, calls = trained(asked, optimiser)
    monkeypatch.setattr("asr_prune.pruning.batches._small", lambda _: True)
    other, _, fewer = trained(asked, optimiser)
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-12)
    assert fewer <= calls


@pytest.mark.parametrize(
    "asked", [{"method": "group_lasso", "strength": 0.02}, {"method": "l1", "strength": 0.02}], ids=str
)
def test_a_layer_more_costs_few_calls(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def more() -> float:
        counts = [trained(asked, "adamw", 3, hidden=(6,) * layers)[2] for layers in (3, 9)]
        return (counts[1] - counts[0]) / 6

    alone = more()
    monkeypatch.setattr("asr_prune.pruning.batches._small", lambda _: True)
    assert more() < 0.35 * alone
