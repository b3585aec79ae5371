"""Dev quality against a slow loop."""

from __future__ import annotations

import math

import pytest
import torch

from asr_prune.acoustic.evaluate import evaluate
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.frames import FrameSet


@pytest.mark.parametrize("batch", [7, 8192])
def test_quality_is_the_loop(frames: FrameSet, batch: int) -> None:
    torch.manual_seed(0)
    network = FeedForward(frames.inputs, (9, 8), 5, dropout=0.5)
    network.eval()
    loss, right = 0.0, 0
    for t in range(len(frames)):
        logits = network(frames.splice(torch.tensor([t])))[0].tolist()
        label = int(frames.labels[t])
        loss -= logits[label] - math.log(sum(math.exp(z) for z in logits))
        right += logits.index(max(logits)) == label
    network.train()
    quality = evaluate(network, frames, batch)
    assert quality.cross_entropy == pytest.approx(loss / len(frames), rel=1e-5)
    assert quality.accuracy == right / len(frames)
    assert network.training
