"""Frames of many utterances in one tensor, spliced when a batch is taken."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from asr_prune.errors import UserError


class FrameSet:
    """All frames of a set of utterances, unspliced.

    features: float32 [frames, dim]; labels: int64 [frames] of pdf-ids; `first` and `last` hold, for each frame, the
    indices of its utterance's first and last frame.
    """

    def __init__(self, features: Tensor, labels: Tensor, first: Tensor, last: Tensor, context: tuple[int, int]) -> None:
        self.features, self.labels, self.first, self.last = features, labels, first, last
        self.context = context
        self._offsets = torch.arange(-context[0], context[1] + 1, device=features.device)

    @classmethod
    def from_utterances(
        cls,
        features: dict[str, np.ndarray],
        labels: dict[str, np.ndarray],
        context: tuple[int, int],
        device: torch.device | str = "cpu",
    ) -> FrameSet:
        """features: float32 [frames, dim] by utterance; labels: pdf-ids [frames]. Utterances without labels are left
        out.

        Raises UserError where features and labels of an utterance differ in length, or where none is left.
        """
        names = sorted(features.keys() & labels.keys())
        if not names:
            raise UserError(
                "no utterance has both features and labels; run the stages features and align on the same data."
            )
        for name in names:
            if len(features[name]) != len(labels[name]):
                raise UserError(
                    f"utterance {name} has {len(features[name])} frames of features but {len(labels[name])} labels; "
                    "make both with the same frame shift, then run the stages features and align again."
                )
        lengths = torch.tensor([len(features[name]) for name in names])
        ends = lengths.cumsum(0)
        return cls(
            torch.from_numpy(np.concatenate([features[name] for name in names]).astype(np.float32)).to(device),
            torch.from_numpy(np.concatenate([labels[name] for name in names]).astype(np.int64)).to(device),
            torch.repeat_interleave(ends - lengths, lengths).to(device),
            torch.repeat_interleave(ends - 1, lengths).to(device),
            context,
        )

    def __len__(self) -> int:
        return len(self.labels)

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

    def batches(self, size: int, generator: torch.Generator | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields (spliced frames, labels), shuffled by `generator`, in order without one.

        A shuffled pass leaves out an incomplete last batch.
        """
        device = self.labels.device
        order = torch.arange(len(self)) if generator is None else torch.randperm(len(self), generator=generator)
        for index in order.to(device).split(size):
            if generator is None or len(index) == size or len(self) < size:
                yield self.spliced(index), self.labels[index]

    def batch_count(self, size: int) -> int:
        """Batches of a shuffled pass."""
        return max(1, len(self) // size)

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the spliced input, [inputs] each (the unspliced moments, repeated)."""
        repeat = len(self._offsets)
        return self.features.mean(0).repeat(repeat), self.features.std(0).repeat(repeat)


def splice_utterance(features: np.ndarray, context: tuple[int, int]) -> np.ndarray:
    """One utterance's frames float32 [frames, dim] with their context: [frames, (left + 1 + right) * dim]."""
    frames = np.arange(len(features))[:, None] + np.arange(-context[0], context[1] + 1)
    return features[np.clip(frames, 0, len(features) - 1)].reshape(len(features), -1)
