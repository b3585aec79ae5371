"""The random cut."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.pruning.counts import even_counts
from asr_prune.pruning.methods.random.method import Random
from asr_prune.pruning.methods.random.options import RandomOptions


@given(
    hidden=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    keep=st.sampled_from([0.1, 0.25, 0.5, 1.0]),
    seed=st.integers(0, 9),
)
@settings(max_examples=60)
def test_it_keeps_the_same_share_of_every_layer(hidden: list[int], keep: float, seed: int) -> None:
    network = FeedForward(3, hidden, 4)
    method = Random(RandomOptions(method="random", keep=keep, min_nodes=1, floor=0.0), network.node_layers())
    torch.manual_seed(seed)
    kept = method.finish()
    minima = [min(1, size) for size in hidden]
    assert [int(mask.sum()) for mask in kept] == even_counts(
        hidden, max(round(keep * sum(hidden)), len(hidden)), minima
    )
    torch.manual_seed(seed)
    assert all(torch.equal(one, other) for one, other in zip(kept, method.finish(), strict=True))


def test_every_node_is_as_likely_as_the_others() -> None:
    network = FeedForward(3, (10,), 4)
    method = Random(RandomOptions(method="random", keep=0.3, min_nodes=1), network.node_layers())
    torch.manual_seed(1)
    shares = torch.stack([method.finish()[0].float() for _ in range(3000)]).mean(0)
    assert shares.tolist() == pytest.approx([0.3] * 10, abs=0.04)


def test_without_keep_nothing_is_cut_and_strength_is_refused() -> None:
    network = FeedForward(3, (5,), 4)
    method = Random(RandomOptions(method="random"), network.node_layers())
    assert all(bool(mask.all()) for mask in method.finish())
    with pytest.raises(ValueError, match="random takes keep"):
        RandomOptions(method="random", strength=0.1)
