"""Cross-entropy and frame accuracy of a network on a set of frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.network import Network


@dataclass(frozen=True)
class Quality:
    """cross_entropy: nats a frame; accuracy: share of frames whose most likely pdf is the label."""

    cross_entropy: float
    accuracy: float


@torch.no_grad()
def evaluate(network: Network, frames: FrameSet, batch: int = 8192) -> Quality:
    """Quality over all of `frames`, without dropout."""
    training = network.training
    network.eval()
    loss = torch.zeros((), dtype=torch.float64, device=frames.labels.device)
    right = torch.zeros((), dtype=torch.int64, device=frames.labels.device)
    for inputs, labels in frames.batches(batch):
        logits = network(inputs)
        loss += nn.functional.cross_entropy(logits, labels, reduction="sum")
        right += (logits.argmax(-1) == labels).sum()
    network.train(training)
    return Quality(float(loss) / len(frames), int(right) / len(frames))
