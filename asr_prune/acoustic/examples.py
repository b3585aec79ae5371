"""What a network is trained and judged on: frames, and an objective that says how well it does on a batch of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from asr_prune.acoustic.augment import Augment
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import TrainOptions
from asr_prune.features.stored import frames_of

Batch = tuple[Tensor, ...]
#: an array for each utterance, in memory or read when asked for
Utterances = Mapping[str, np.ndarray]


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
    """What batches are taken from, and the objective that judges them.

    device: where batches lie; inputs: values of one spliced frame; held: most bytes of features and labels that are in
    memory at once.
    """

    device: torch.device
    inputs: int
    held: int
    #: examples of a batch where nothing is trained
    at_once: int

    @abstractmethod
    def __len__(self) -> int:
        """Examples."""

    @abstractmethod
    def batch_of(self, options: TrainOptions) -> int:
        """Examples of a mini-batch."""

    @abstractmethod
    def outcome(self, network: Network, *batch: Tensor) -> Outcome:
        """What `network` makes of a batch."""

    @abstractmethod
    def log_priors(self, classes: int) -> Tensor:
        """What is subtracted from the network's log posteriors before they are decoded, float32 [classes]."""

    @abstractmethod
    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the spliced input, [inputs] each (the unspliced moments, repeated)."""

    @abstractmethod
    def batches(self, size: int, generator: torch.Generator | None = None) -> Iterator[Batch]:
        """Yields batches of `size` examples, shuffled and learned by `generator`, in order and as they are without one.

        A shuffled pass leaves out an incomplete last batch.
        """

    def batch_count(self, size: int) -> int:
        """Batches of a shuffled pass."""
        return max(1, len(self) // size)


class Held(Examples):
    """All frames of a set of utterances in memory, spliced when a batch is taken.

    features: float32 [frames, dim], unspliced; `first` and `last` hold, for each frame, the indices of its utterance's
    first and last frame; context: frames spliced before and after.
    """

    #: bytes that a frame takes besides its features: first, last
    beside = 16

    def __init__(self, features: Tensor, lengths: Tensor, context: tuple[int, int]) -> None:
        """lengths: frames of each utterance, int64 [utterances]."""
        ends = lengths.cumsum(0)
        self.features, self.context, self.device = features, context, features.device
        self.first = torch.repeat_interleave(ends - lengths, lengths)
        self.last = torch.repeat_interleave(ends - 1, lengths)
        self._offsets = torch.arange(-context[0], context[1] + 1, device=features.device)
        self.inputs = len(self._offsets) * features.shape[1]
        self.held = self.bytes_of(len(features), features.shape[1])

    @classmethod
    def bytes_of(cls, frames: int, dim: int) -> int:
        """Of a set in memory."""
        return frames * (4 * dim + cls.beside)

    @classmethod
    @abstractmethod
    def count_of(cls, lengths: np.ndarray) -> int:
        """Examples in utterances of these numbers of frames."""

    @classmethod
    @abstractmethod
    def usable(cls, features: Utterances, labels: Utterances, stride: int) -> list[str]:
        """Utterances, sorted, that have all it takes. Raises UserError where there are none, or the two disagree."""

    @classmethod
    @abstractmethod
    def of(
        cls,
        names: Sequence[str],
        features: Utterances,
        labels: Utterances,
        context: tuple[int, int],
        device: torch.device | str = "cpu",
        stride: int = 1,
        augment: Augment | None = None,
    ) -> Self:
        """The set of these utterances, one after the other; stride, augment: for whole utterances, the frames of
        which the network keeps one, and what happens to features each time they are learned.
        """

    @classmethod
    @abstractmethod
    def priors_of(cls, names: Sequence[str], labels: Utterances, classes: int) -> Tensor:
        """As `log_priors`, from the labels alone."""

    @classmethod
    def from_utterances(
        cls,
        features: Utterances,
        labels: Utterances,
        context: tuple[int, int],
        device: torch.device | str = "cpu",
        stride: int = 1,
        augment: Augment | None = None,
    ) -> Self:
        """features: float32 [frames, dim] by utterance; labels: what each utterance is to give; stride, augment:
        as in `of`. Utterances that cannot be used are left out. Raises UserError as `usable`.
        """
        return cls.of(cls.usable(features, labels, stride), features, labels, context, device, stride, augment)

    def spliced(self, index: Tensor) -> Tensor:
        """Frames `index` with their context, the first and last frame of an utterance repeated at its edges (Kaldi
        splice-feats); [len(index), inputs].
        """
        rows = index[:, None] + self._offsets
        rows = torch.maximum(torch.minimum(rows, self.last[index, None]), self.first[index, None])
        return self.features[rows].flatten(1)

    def moments(self) -> tuple[Tensor, Tensor]:
        repeat = len(self._offsets)
        return self.features.mean(0).repeat(repeat), self.features.std(0).repeat(repeat)

    @abstractmethod
    def taken(self, index: Tensor) -> Batch:
        """The batch of the examples `index`, int64; its first tensor holds spliced frames."""

    def learned(self, index: Tensor, generator: torch.Generator | None) -> Batch:
        """The batch of the examples `index` as training sees them this time; without a generator as they are."""
        return self.taken(index)

    def batches(self, size: int, generator: torch.Generator | None = None) -> Iterator[Batch]:
        for index in order_of(self, generator).split(size):
            if generator is None or len(index) == size or len(self) < size:
                yield self.learned(index, generator)


def order_of(examples: Examples, generator: torch.Generator | None) -> Tensor:
    """Indices of all examples, shuffled by `generator`, in order without one; int64 on their device."""
    count = len(examples)
    return (torch.arange(count) if generator is None else torch.randperm(count, generator=generator)).to(
        examples.device
    )


def end_to_end(names: Sequence[str], values: Utterances, dtype: type[np.generic]) -> Tensor:
    """Arrays by utterance one after the other, without holding any of them twice."""
    lengths, first = frames_of(values), values[names[0]]
    joined = np.empty((sum(lengths[name] for name in names), *first.shape[1:]), dtype)
    at = 0
    for name in names:
        joined[at : at + lengths[name]] = values[name]
        at += lengths[name]
    return torch.from_numpy(joined)


def splice_utterance(features: np.ndarray, context: tuple[int, int]) -> np.ndarray:
    """One utterance's frames float32 [frames, dim] with their context: [frames, (left + 1 + right) * dim]."""
    frames = np.arange(len(features))[:, None] + np.arange(-context[0], context[1] + 1)
    return features[np.clip(frames, 0, len(features) - 1)].reshape(len(features), -1)
