"""Sets of utterances that are in memory as a whole."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor

from asr_prune.acoustic.augment import Augment
from asr_prune.acoustic.distributed.share import WHOLE, Share
from asr_prune.acoustic.examples import Batch, Examples, Utterances, example_order
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.placing import to_device
from asr_prune.acoustic.teacher import Lesson, Taught, Teacher, Want
from asr_prune.features.stored import frames_of


class InMemory(Examples):
    """All frames of a set of utterances in memory, spliced batch by batch.

    features: float32 [frames, dim], unspliced; first, last: for each frame the index of the first
    and the last frame of its utterance; context: frames spliced before and after.
    """

    #: bytes per frame besides the features: first and last
    index_bytes = 16
    #: whether a batch may have frames without a label
    may_lack_labels = False

    def __init__(
        self,
        features: Tensor,
        lengths: Tensor,
        context: tuple[int, int],
        teacher: Teacher | None = None,
        side: Tensor | None = None,
    ) -> None:
        """lengths: frames of each utterance, int64 [utterances]; side: a teacher's features,
        float32 [frames, dim].
        """
        ends = lengths.cumsum(0)
        self.teacher, self.side = teacher, side
        self.features, self.context, self.device = features, context, features.device
        self.order_device = self.device
        self.first = torch.repeat_interleave(ends - lengths, lengths)
        self.last = torch.repeat_interleave(ends - 1, lengths)
        self._offsets = torch.arange(-context[0], context[1] + 1, device=features.device)
        self.inputs = len(self._offsets) * features.shape[1]
        dim = features.shape[1] + (0 if side is None else side.shape[1])
        self.held_bytes = self.bytes_of(len(features), dim)

    @classmethod
    def bytes_of(cls, frames: int, dim: int) -> int:
        """Memory of a set of this many frames of `dim` features."""
        return frames * (4 * dim + cls.index_bytes)

    @classmethod
    @abstractmethod
    def count_examples(cls, lengths: np.ndarray) -> int:
        """Number of examples in utterances of these lengths in frames."""

    @classmethod
    @abstractmethod
    def usable_utterances(cls, features: Utterances, labels: Utterances, stride: int) -> list[str]:
        """Sorted names of the utterances that can be used.

        Raises UserError if there are none, or if features and labels disagree.
        """

    @classmethod
    @abstractmethod
    def build(
        cls,
        names: Sequence[str],
        features: Utterances,
        labels: Utterances,
        context: tuple[int, int],
        device: torch.device | str = "cpu",
        stride: int = 1,
        augment: Augment | None = None,
        lesson: Lesson | None = None,
    ) -> Self:
        """The set of the utterances `names`, concatenated.

        stride, augment: for CTC, the network's stride in frames and the augmentation in training;
        lesson: what a teacher adds in training.
        """

    @classmethod
    @abstractmethod
    def priors_from_labels(cls, names: Sequence[str], labels: Utterances, classes: int) -> Tensor:
        """As `log_priors`, from the labels of the utterances `names`."""

    @classmethod
    def from_utterances(
        cls,
        features: Utterances,
        labels: Utterances,
        context: tuple[int, int],
        device: torch.device | str = "cpu",
        stride: int = 1,
        augment: Augment | None = None,
        lesson: Lesson | None = None,
    ) -> Self:
        """The set of all usable utterances.

        features: float32 [frames, dim] by utterance; labels: targets by utterance; stride, augment,
        lesson: as in `build`. Raises UserError as `usable_utterances`.
        """
        names = cls.usable_utterances(features, labels, stride)
        return cls.build(names, features, labels, context, device, stride, augment, lesson)

    def splice(self, index: Tensor) -> Tensor:
        """Frames `index` with their context, [len(index), inputs].

        At the edges of an utterance its first or last frame is repeated (Kaldi's splice-feats).
        """
        return self._spliced(self.features, index, self._offsets)

    def _spliced(self, features: Tensor, index: Tensor, offsets: Tensor) -> Tensor:
        rows = index[:, None] + offsets
        rows = torch.maximum(torch.minimum(rows, self.last[index, None]), self.first[index, None])
        return features[rows].flatten(1)

    def taught(self, index: Tensor, spliced: Tensor) -> Batch:
        """What the teacher reads of frames `index`, whose student input is `spliced`; nothing
        without a teacher.
        """
        return tuple(self._wanted(want, index, spliced) for want in self.teacher.wants) if self.teacher else ()

    def _wanted(self, want: Want, index: Tensor, spliced: Tensor) -> Tensor:
        if want == Want(self.context):
            return spliced
        offsets = torch.arange(-want.context[0], want.context[1] + 1, device=self.device)
        if want.columns is None:
            return self._spliced(self.features, index, offsets)
        assert self.side is not None
        return self._spliced(self.side[:, slice(*want.columns)], index, offsets)

    def objective(self, network: Network, loss: Tensor, logits: Tensor, taught: Taught) -> Tensor:
        """What is minimised: `loss`, with a teacher its mixture in training; see `Teacher.loss`."""
        if self.teacher is None or not network.training:
            return loss
        return self.teacher.loss(loss, logits, taught)

    def moments(self) -> tuple[Tensor, Tensor]:
        repeat = len(self._offsets)
        return self.features.mean(0).repeat(repeat), self.features.std(0).repeat(repeat)

    @abstractmethod
    def batch_at(self, index: Tensor) -> Batch:
        """The batch of the examples `index`, int64; its first tensor holds spliced frames."""

    def training_batch(self, index: Tensor, generator: torch.Generator | None, own: slice) -> Batch | None:
        """The batch of the examples `index[own]`, augmented if there is a `generator`, from which
        all of `index` draw; None if there are no such examples.
        """
        return self.batch_at(index[own]) if len(index[own]) else None

    def batches(self, size: int, generator: torch.Generator | None = None, share: Share = WHOLE) -> Iterator[Batch]:
        for index in example_order(self, generator).split(size):
            if generator is None or len(index) == size or len(self) < size:
                batch = self.training_batch(index, generator, share.of(len(index)))
                if batch is not None:
                    yield batch


def concatenate(names: Sequence[str], values: Utterances, dtype: type[np.generic]) -> Tensor:
    """The arrays of the utterances `names`, concatenated without holding any of them twice."""
    lengths, first = frames_of(values), values[names[0]]
    joined = np.empty((sum(lengths[name] for name in names), *first.shape[1:]), dtype)
    start = 0
    for name in names:
        joined[start : start + lengths[name]] = values[name]
        start += lengths[name]
    return torch.from_numpy(joined)


def side_of(names: Sequence[str], lesson: Lesson | None, device: torch.device | str) -> Tensor | None:
    """The side features of the utterances `names`, concatenated; None if there are none."""
    if lesson is None or lesson.side is None:
        return None
    return to_device(concatenate(names, lesson.side, np.float32), device)
