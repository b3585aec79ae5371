"""How good a network is on a set of examples."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from asr_prune.acoustic.examples import Examples
from asr_prune.acoustic.network import Network


@dataclass(frozen=True)
class Quality:
    """cross_entropy: nats a frame of the features, with CTC of the transcript; accuracy: share of frames whose most
    likely pdf is the label, with CTC 1 less the token error rate of greedy decoding.
    """

    cross_entropy: float
    accuracy: float


@torch.no_grad()
def evaluate(network: Network, examples: Examples, batch: int | None = None) -> Quality:
    """Quality over all examples, without dropout. batch: examples at a time."""
    training = network.training
    network.eval()
    loss = torch.zeros((), dtype=torch.float64, device=examples.device)
    right = torch.zeros((), dtype=torch.int64, device=examples.device)
    frames = labels = 0
    for taken in examples.batches(batch or examples.at_once):
        outcome = examples.outcome(network, *taken)
        loss += outcome.loss.double() * outcome.frames
        right += outcome.right
        frames, labels = frames + outcome.frames, labels + outcome.of
    network.train(training)
    return Quality(float(loss) / frames, int(right) / labels)
