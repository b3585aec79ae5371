"""Sets of utterances larger than the memory allowed: read, shuffled and used in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from asr_prune.acoustic.augment import Augment
from asr_prune.acoustic.distributed.share import WHOLE, Share
from asr_prune.acoustic.examples import Batch, Examples, Outcome, Utterances, example_order
from asr_prune.acoustic.in_memory import InMemory
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.teacher import Lesson
from asr_prune.features.stored import frames_of


class Chunks(Examples):
    """Examples of `kind`, of which at most two chunks are in memory: the one in use and the next.

    A shuffled pass shuffles the utterances, divides them into chunks of about equal size, and
    shuffles the examples of each chunk. A batch may take from two chunks. A pass in order is sorted
    by name.
    """

    def __init__(
        self,
        kind: type[InMemory],
        features: Utterances,
        labels: Utterances,
        context: tuple[int, int],
        memory: int,
        device: torch.device | str = "cpu",
        stride: int = 1,
        augment: Augment | None = None,
        lesson: Lesson | None = None,
    ) -> None:
        """memory: bytes for features and labels, counted by `InMemory.bytes_of`.

        An utterance of more than half the memory is a chunk by itself and exceeds the limit. Raises
        UserError as `usable_utterances`.
        """
        self.loss_name, self.share_name = kind.loss_name, kind.share_name
        self.kind, self.names = kind, kind.usable_utterances(features, labels, stride)
        self.features, self.labels, self.context = features, labels, context
        self.stride, self.augment, self.lesson = stride, augment, lesson
        # with its number, since a thread that reads has a current GPU of its own
        self.device, self.eval_batch = torch.empty(0, device=device).device, kind.eval_batch
        self.single_rows = kind.single_rows
        frames = frames_of(features)
        self.lengths = np.array([frames[name] for name in self.names])
        self.first = self._read([0])  # for the dimensions and the objective
        self.first.may_lack_labels = lesson is not None  # of other utterances
        self.inputs, dim = self.first.inputs, self.first.features.shape[1] + (lesson.dim if lesson else 0)
        self.chunks = chunk_count(self.lengths, memory // 2 // kind.bytes_of(1, dim))
        chunk_frames = int(self.lengths.sum() / self.chunks + self.lengths.max())
        self.held_bytes = 2 * kind.bytes_of(chunk_frames, dim)

    def __len__(self) -> int:
        return self.kind.count_examples(self.lengths)

    def batch_size(self, options: TrainOptions) -> int:
        return self.first.batch_size(options)

    def outcome(self, network: Network, *batch: Tensor) -> Outcome:
        return self.first.outcome(network, *batch)

    def log_priors(self, classes: int) -> Tensor:
        return self.kind.priors_from_labels(self.names, self.labels, classes)

    def moments(self) -> tuple[Tensor, Tensor]:
        """From one pass over the features, in float64."""
        return self._moments

    @cached_property
    def _moments(self) -> tuple[Tensor, Tensor]:
        count, total, squares = 0, 0.0, 0.0
        for name in self.names:
            matrix = self.features[name].astype(np.float64)
            count, total = count + len(matrix), total + matrix.sum(0)
            squares = squares + (matrix**2).sum(0)
        mean = total / count
        deviation = np.sqrt(np.maximum(squares - count * mean**2, 0) / (count - 1))
        return self._spliced_moment(mean), self._spliced_moment(deviation)

    def _spliced_moment(self, values: np.ndarray | float) -> Tensor:
        repeat = self.inputs // self.first.features.shape[1]
        return torch.as_tensor(values).float().repeat(repeat).to(self.device)

    def batches(self, size: int, generator: torch.Generator | None = None, share: Share = WHOLE) -> Iterator[Batch]:
        parts: list[Batch] = []  # of the next batch
        count, left = 0, len(self)
        for chunk in self._read_ahead(self.groups(generator)):
            for index in _split(example_order(chunk, generator), size, count):
                own = _within(share.of(min(size, left)), count)
                batch = chunk.training_batch(index, generator, own)
                parts += [] if batch is None else [batch]
                count += len(index)
                if count == size:
                    yield from _joined(parts)
                    parts, count, left = [], 0, left - size
            del chunk
        if count and (generator is None or len(self) < size):
            yield from _joined(parts)

    def groups(self, generator: torch.Generator | None = None) -> list[list[int]]:
        """Indices of each chunk's utterances, sorted within the chunk as in the archive."""
        order = utterance_order(len(self.names), generator)
        before = np.cumsum(self.lengths[order]) - self.lengths[order]
        chunk = before * self.chunks // max(int(self.lengths.sum()), 1)
        return [sorted(order[chunk == i].tolist()) for i in range(self.chunks) if (chunk == i).any()]

    def _read_ahead(self, groups: Sequence[list[int]]) -> Iterator[InMemory]:
        """Yields each chunk while the next one is read; the caller must drop it before the next."""
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self._read, groups[0])
            for following in [*groups[1:], None]:
                chunk = ahead.result()
                if following is not None:
                    ahead = reader.submit(self._read, following)
                yield chunk
                del chunk

    def _read(self, group: list[int]) -> InMemory:
        names = [self.names[i] for i in group]
        data = names, self.features, self.labels, self.context
        return self.kind.build(*data, self.device, self.stride, self.augment, self.lesson)


def chunk_count(lengths: np.ndarray, limit: int) -> int:
    """How many chunks of about equal size keep each within `limit` frames.

    lengths: frames of each utterance; a chunk may exceed its share by the utterance at its end.
    """
    longest = int(lengths.max())
    return min(len(lengths), -(-int(lengths.sum()) // max(limit - longest, longest)))


def utterance_order(count: int, generator: torch.Generator | None) -> np.ndarray:
    """Indices of utterances, shuffled if there is a `generator`; int64 [count]."""
    order = torch.arange(count) if generator is None else torch.randperm(count, generator=generator)
    return order.numpy()


def _split(order: Tensor, size: int, carried: int) -> Iterator[Tensor]:
    """Indices in batches of `size`, the first smaller by `carried` examples of the last chunk."""
    if carried:
        yield order[: size - carried]
        order = order[size - carried :]
    if len(order):
        yield from order.split(size)


def _within(own: slice, before: int) -> slice:
    """The part `own` of a batch, in a piece of it that comes after `before` examples."""
    return slice(max(0, own.start - before), max(0, own.stop - before))


def _joined(parts: Sequence[Batch]) -> list[Batch]:
    """One batch of several, each tensor concatenated; none of none."""
    if len(parts) < 2:
        return list(parts)
    return [tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))]
