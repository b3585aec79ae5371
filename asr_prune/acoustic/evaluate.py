"""Cross-entropy and accuracy of a network on a set of examples."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from asr_prune.acoustic.distributed.processes import all_summed
from asr_prune.acoustic.distributed.share import WHOLE, Share
from asr_prune.acoustic.examples import Examples
from asr_prune.acoustic.network import Network


@dataclass(frozen=True)
class Quality:
    """Of a network on a set.

    cross_entropy: nats per feature frame, with CTC of the transcript; accuracy: fraction of frames
    whose most likely pdf is the label, with CTC 1 minus the token error rate of greedy decoding.
    """

    cross_entropy: float
    accuracy: float


@torch.no_grad()
def evaluate(network: Network, examples: Examples, batch: int | None = None, share: Share = WHOLE) -> Quality:
    """Quality over all examples, without dropout. batch: examples evaluated at once; share: what
    this process computes of them, if all take part.
    """
    training = network.training
    network.eval()
    loss = torch.zeros((), dtype=torch.float64, device=examples.device)
    correct = torch.zeros((), dtype=torch.int64, device=examples.device)
    frames: int | torch.Tensor = 0
    labels: int | torch.Tensor = 0
    for tensors in examples.batches(batch or examples.eval_batch, share=share):
        outcome = examples.outcome(network, *tensors)
        loss += outcome.loss.double() * outcome.frames
        correct += outcome.correct
        frames, labels = frames + outcome.frames, labels + outcome.labels
    network.train(training)
    frames, labels = int(frames), int(labels)
    if share.count > 1:
        counts = [loss, correct.double(), loss.new_tensor(frames), loss.new_tensor(labels)]
        all_loss, all_correct, all_frames, all_labels = all_summed(torch.stack(counts)).tolist()
        return Quality(all_loss / all_frames, all_correct / all_labels)
    return Quality(float(loss) / frames, int(correct) / labels)
