"""What nodes do on data, against a loop over frames."""

from __future__ import annotations

import math

import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.pruning.methods.magnitude.activity import Activity, activity


@pytest.mark.parametrize("kind", ["relu", "sigmoid"])
def test_on_and_mean_are_a_loop_over_frames(kind: str) -> None:
    torch.manual_seed(1)
    network = FeedForward(3, (4, 5), 2, kind).double().eval()
    frames = torch.randn(11, 3, dtype=torch.float64)
    seen = activity(network.node_layers(), lambda: [network(part) for part in frames.split(4)])
    for level, found in enumerate(seen):
        on, total = [0] * len(found.on), [0.0] * len(found.on)
        for frame in frames:
            x = frame
            for layer in network.affine[: level + 1]:
                into = layer.weight @ x + layer.bias
                x = torch.relu(into) if kind == "relu" else torch.sigmoid(into)
            for j, value in enumerate(x.tolist()):
                on[j] += value > (0 if kind == "relu" else 0.5)
                total[j] += value
        assert found.on.tolist() == pytest.approx([count / 11 for count in on])
        assert found.mean.tolist() == pytest.approx([value / 11 for value in total])


def test_entropy_is_in_bits() -> None:
    shares = [0.0, 0.1, 0.5, 0.9, 1.0]
    expected = [-sum(p * math.log2(p) for p in (share, 1 - share) if p) for share in shares]
    found = Activity(torch.tensor(shares, dtype=torch.float64), torch.zeros(5)).entropy()
    assert found.tolist() == pytest.approx(expected)
    assert found[2] == pytest.approx(1)


def test_the_hooks_go_even_where_the_pass_fails() -> None:
    network = FeedForward(3, (4,), 2)

    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        activity(network.node_layers(), fail)
    assert not network.hidden[0]._forward_hooks
