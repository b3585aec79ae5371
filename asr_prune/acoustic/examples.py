"""What a network is trained and judged on: frames, and an objective that says how well it does on a batch of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import TrainOptions

Batch = tuple[Tensor, ...]


@dataclass(frozen=True)
class Outcome:
    """loss: nats a frame of the features, [], with its graph; frames: of the batch; right: labels hit, []; of: labels
    that there are to hit.
    """

    loss: Tensor
    frames: int
    right: Tensor
    of: int

    def totals(self) -> Tensor:
        """Loss of all frames, frames, labels hit, labels; float [4]."""
        loss = self.loss.detach()
        counts = [torch.full_like(loss, self.frames), self.right.to(loss), torch.full_like(loss, self.of)]
        return torch.stack([loss * self.frames, *counts])


class Examples(ABC):
    """All frames of a set of utterances, spliced when a batch is taken.

    features: float32 [frames, dim], unspliced; `first` and `last` hold, for each frame, the indices of its utterance's
    first and last frame; context: frames spliced before and after.
    """

    def __init__(self, features: Tensor, lengths: Tensor, context: tuple[int, int]) -> None:
        """lengths: frames of each utterance, int64 [utterances]."""
        ends = lengths.cumsum(0)
        self.features, self.context = features, context
        self.first = torch.repeat_interleave(ends - lengths, lengths)
        self.last = torch.repeat_interleave(ends - 1, lengths)
        self._offsets = torch.arange(-context[0], context[1] + 1, device=features.device)

    @property
    def device(self) -> torch.device:
        return self.features.device

    @property
    def inputs(self) -> int:
        """Values of one spliced frame."""
        return len(self._offsets) * self.features.shape[1]

    def spliced(self, index: Tensor) -> Tensor:
        """Frames `index` with their context, the first and last frame of an utterance repeated at its edges (Kaldi
        splice-feats); [len(index), inputs].
        """
        rows = index[:, None] + self._offsets
        rows = torch.maximum(torch.minimum(rows, self.last[index, None]), self.first[index, None])
        return self.features[rows].flatten(1)

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the spliced input, [inputs] each (the unspliced moments, repeated)."""
        repeat = len(self._offsets)
        return self.features.mean(0).repeat(repeat), self.features.std(0).repeat(repeat)

    #: examples of a batch where nothing is trained
    at_once: int

    @abstractmethod
    def __len__(self) -> int:
        """Examples."""

    @abstractmethod
    def batch_of(self, options: TrainOptions) -> int:
        """Examples of a mini-batch."""

    @abstractmethod
    def taken(self, index: Tensor) -> Batch:
        """The batch of the examples `index`, int64; its first tensor holds spliced frames."""

    def learned(self, index: Tensor, generator: torch.Generator) -> Batch:
        """The batch of the examples `index` as training sees them this time."""
        return self.taken(index)

    @abstractmethod
    def outcome(self, network: Network, *batch: Tensor) -> Outcome:
        """What `network` makes of a batch."""

    @abstractmethod
    def log_priors(self, classes: int) -> Tensor:
        """What is subtracted from the network's log posteriors before they are decoded, float32 [classes]."""

    def batches(self, size: int, generator: torch.Generator | None = None) -> Iterator[Batch]:
        """Yields batches of `size` examples, shuffled and learned by `generator`, in order and as they are without one.

        A shuffled pass leaves out an incomplete last batch.
        """
        order = torch.arange(len(self)) if generator is None else torch.randperm(len(self), generator=generator)
        for index in order.to(self.device).split(size):
            if generator is None or len(index) == size or len(self) < size:
                yield self.taken(index) if generator is None else self.learned(index, generator)

    def batch_count(self, size: int) -> int:
        """Batches of a shuffled pass."""
        return max(1, len(self) // size)


def splice_utterance(features: np.ndarray, context: tuple[int, int]) -> np.ndarray:
    """One utterance's frames float32 [frames, dim] with their context: [frames, (left + 1 + right) * dim]."""
    frames = np.arange(len(features))[:, None] + np.arange(-context[0], context[1] + 1)
    return features[np.clip(frames, 0, len(features) - 1)].reshape(len(features), -1)
