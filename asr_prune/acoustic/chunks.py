"""A set of utterances larger than the memory that it may have: read, shuffled and used up a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from asr_prune.acoustic.augment import Augment
from asr_prune.acoustic.examples import Batch, Examples, Held, Outcome, Utterances, order_of
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import TrainOptions
from asr_prune.features.stored import frames_of


class Chunks(Examples):
    """Examples of `kind`, of which two chunks at most are in memory: one that is used and one that is being read.

    A shuffled pass shuffles the utterances, groups them into chunks of about equal size, and shuffles the examples of
    each chunk; a batch may take from two of them. A pass in order keeps the order of the names.
    """

    def __init__(
        self,
        kind: type[Held],
        features: Utterances,
        labels: Utterances,
        context: tuple[int, int],
        memory: int,
        device: torch.device | str = "cpu",
        stride: int = 1,
        augment: Augment | None = None,
    ) -> None:
        """memory: bytes for features and labels, as `Held.bytes_of` counts them; an utterance that takes more than half
        of it is a chunk of its own. Raises UserError as `usable`.
        """
        self.kind, self.names = kind, kind.usable(features, labels, stride)
        self.features, self.labels, self.context = features, labels, context
        self.stride, self.augment = stride, augment
        self.device, self.at_once = torch.device(device), kind.at_once
        frames = frames_of(features)
        self.lengths = np.array([frames[name] for name in self.names])
        self.first = self._read([0])  # knows the columns, and how to judge a batch
        self.inputs, dim = self.first.inputs, self.first.features.shape[1]
        self.chunks = chunks_for(self.lengths, memory // 2 // kind.bytes_of(1, dim))
        self.held = 2 * kind.bytes_of(int(self.lengths.sum() / self.chunks + self.lengths.max()), dim)

    def __len__(self) -> int:
        return self.kind.count_of(self.lengths)

    def batch_of(self, options: TrainOptions) -> int:
        return self.first.batch_of(options)

    def outcome(self, network: Network, *batch: Tensor) -> Outcome:
        return self.first.outcome(network, *batch)

    def log_priors(self, classes: int) -> Tensor:
        return self.kind.priors_of(self.names, self.labels, classes)

    def moments(self) -> tuple[Tensor, Tensor]:
        """From one pass over the features, in float64."""
        return self._moments

    @cached_property
    def _moments(self) -> tuple[Tensor, Tensor]:
        count, total, squares = 0, 0.0, 0.0
        for name in self.names:
            own = self.features[name].astype(np.float64)
            count, total, squares = count + len(own), total + own.sum(0), squares + (own**2).sum(0)
        mean = total / count
        deviation = np.sqrt((squares - count * mean**2) / (count - 1))
        repeat = self.inputs // self.first.features.shape[1]
        both = (torch.as_tensor(values).float().repeat(repeat).to(self.device) for values in (mean, deviation))
        return next(both), next(both)

    def batches(self, size: int, generator: torch.Generator | None = None) -> Iterator[Batch]:
        rest: list[Batch] = []
        have = 0
        for chunk in self._in_turn(self.groups(generator)):
            for index in _cut(order_of(chunk, generator), size, have):
                rest.append(chunk.learned(index, generator))
                have += len(index)
                if have == size:
                    yield _joined(rest)
                    rest, have = [], 0
            del chunk
        if have and (generator is None or len(self) < size):
            yield _joined(rest)

    def groups(self, generator: torch.Generator | None = None) -> list[list[int]]:
        """Indices of the utterances of each chunk; in a chunk they are sorted, as they lie in their archive."""
        order = order_of_names(len(self.names), generator)
        before = np.cumsum(self.lengths[order]) - self.lengths[order]
        chunk = before * self.chunks // max(int(self.lengths.sum()), 1)
        return [sorted(order[chunk == i].tolist()) for i in range(self.chunks) if (chunk == i).any()]

    def _in_turn(self, groups: Sequence[list[int]]) -> Iterator[Held]:
        """One chunk after the other, the next one read meanwhile. Whoever asks for another lets go of the last."""
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self._read, groups[0])
            for following in [*groups[1:], None]:
                chunk = ahead.result()
                if following is not None:
                    ahead = reader.submit(self._read, following)
                yield chunk
                del chunk

    def _read(self, group: list[int]) -> Held:
        names = [self.names[i] for i in group]
        return self.kind.of(names, self.features, self.labels, self.context, self.device, self.stride, self.augment)


def chunks_for(lengths: np.ndarray, limit: int) -> int:
    """How many chunks of about equal size utterances of these lengths make, in frames, so that none is above `limit`
    for the length of the utterance at its end.
    """
    longest = int(lengths.max())
    return min(len(lengths), -(-int(lengths.sum()) // max(limit - longest, longest)))


def order_of_names(count: int, generator: torch.Generator | None) -> np.ndarray:
    """Indices of utterances, shuffled by `generator`, in order without one; int64 [count]."""
    return (torch.arange(count) if generator is None else torch.randperm(count, generator=generator)).numpy()


def _cut(order: Tensor, size: int, have: int) -> Iterator[Tensor]:
    """Indices in batches of `size`, the first one smaller by what is left of the chunk before."""
    if have:
        yield order[: size - have]
        order = order[size - have :]
    if len(order):
        yield from order.split(size)


def _joined(parts: Sequence[Batch]) -> Batch:
    """One batch of several, each of its tensors end to end."""
    return parts[0] if len(parts) == 1 else tuple(torch.cat(own) for own in zip(*parts, strict=True))
