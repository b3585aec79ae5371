"""Training and evaluation data: batches of frames, and the objective for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asr_prune.acoustic.distributed.share import WHOLE, Share
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.placing import to_device

Batch = tuple[Tensor, ...]
#: one array per utterance, in memory or read on access
Utterances = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Outcome:
    """A network's result on a batch.

    loss: nats per feature frame, []; objective: what is minimised, [], with its graph: the loss, or
    with a teacher its mixture; frames: in the batch, those with a label; correct: number of correct
    labels, []; labels: number of labels; rows: what the objective is a mean over, 0 for the frames.
    Numbers that only the device knows are tensors, [].
    """

    loss: Tensor
    objective: Tensor
    frames: int | Tensor
    correct: Tensor
    labels: int | Tensor
    rows: int = 0

    def totals(self) -> Tensor:
        """Summed loss, frames, correct labels, labels; float [4]."""
        loss = self.loss.detach()
        counts = (_like(loss, number) for number in (self.frames, self.correct, self.labels))
        return torch.stack([loss * self.frames, *counts])


def _like(loss: Tensor, number: int | Tensor) -> Tensor:
    return number.to(loss) if isinstance(number, Tensor) else torch.full_like(loss, number)


class Examples(ABC):
    """A data set: what batches are taken from, and the objective.

    device: of the batches; inputs: size of one spliced frame; held_bytes: the most bytes of
    features and labels that are in memory at once.
    """

    device: torch.device
    #: where the indices of examples are that batches are put together from
    order_device: torch.device
    inputs: int
    held_bytes: int
    #: examples per batch in evaluation
    eval_batch: int
    #: whether each example is one row in every layer of a network
    single_rows: bool = False
    #: what logs call the loss, and the share of correct labels
    loss_name: str = "CE"
    share_name: str = "accuracy"

    @abstractmethod
    def __len__(self) -> int:
        """Number of examples."""

    @abstractmethod
    def batch_size(self, options: TrainOptions) -> int:
        """Examples per mini-batch."""

    @abstractmethod
    def outcome(self, network: Network, *batch: Tensor) -> Outcome:
        """Loss and accuracy of `network` on a batch."""

    @abstractmethod
    def log_priors(self, classes: int) -> Tensor:
        """Subtracted from log posteriors before decoding, float32 [classes]."""

    @abstractmethod
    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the features, repeated for the spliced input, [inputs]."""

    @abstractmethod
    def batches(self, size: int, generator: torch.Generator | None = None, share: Share = WHOLE) -> Iterator[Batch]:
        """Yields batches of `size` examples, of each the part of `share` if that has any.

        With `generator`: shuffled and augmented, without an incomplete last batch. Without: in
        order, unchanged, all of them.
        """

    def batch_count(self, size: int) -> int:
        """Number of batches in a shuffled pass."""
        return max(1, len(self) // size)


def example_order(examples: Examples, generator: torch.Generator | None) -> Tensor:
    """Indices of all examples, shuffled if there is a `generator`; int64 on their `order_device`."""
    count = len(examples)
    order = torch.arange(count) if generator is None else torch.randperm(count, generator=generator)
    return to_device(order, examples.order_device)


def splice_utterance(features: np.ndarray, context: tuple[int, int]) -> np.ndarray:
    """One utterance, float32 [frames, dim], with context: [frames, (left + 1 + right) * dim]."""
    frames = np.arange(len(features))[:, None] + np.arange(-context[0], context[1] + 1)
    return features[np.clip(frames, 0, len(features) - 1)].reshape(len(features), -1)
