"""Learning from a teacher: the posteriors of trained networks as soft labels.

Hinton, Vinyals and Dean 2015, "Distilling the knowledge in a neural network", arXiv 1503.02531; for
acoustic models Li, Zhao, Huang and Gong 2014, "Learning small-size DNN with
output-distribution-based criteria", Interspeech.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from asr_prune.acoustic.network import Network


@dataclass(frozen=True)
class Want:
    """An input of a teacher: frames spliced left and right; columns: first and end of its features
    among the side features, None for the student's features.
    """

    context: tuple[int, int]
    columns: tuple[int, int] | None = None


@dataclass(frozen=True)
class Taught:
    """What a teacher is given of a batch.

    inputs: one tensor [frames, ...] for each of `Teacher.wants`; lengths: frames of each utterance,
    int64 [utterances], None for single frames; stride: the student's, in frames; asked: which of
    several networks are asked, none for all.
    """

    inputs: Sequence[Tensor]
    lengths: Tensor | None = None
    stride: int = 1
    asked: Sequence[int] = ()


class Teacher(ABC):
    """`(1 - weight) * CE + weight * T^2 * KL(p || q)` per frame: p the teachers' posteriors, q the
    student's, both at temperature T, whose square keeps the size of the gradient (Hinton et al.,
    section 2).

    seconds: spent on p so far (on a GPU, on starting it).
    """

    def __init__(self, weight: float, temperature: float) -> None:
        self.weight, self.temperature = weight, temperature
        self.seconds = 0.0

    @property
    @abstractmethod
    def wants(self) -> list[Want]:
        """What it reads of every batch."""

    @abstractmethod
    def posteriors(self, batch: Taught) -> Tensor:
        """p, float [frames out, classes]."""

    def timed(self, batch: Taught) -> Tensor:
        """As `posteriors`; their time is added to `seconds`."""
        started = time.perf_counter()
        found = self.posteriors(batch)
        self.seconds += time.perf_counter() - started
        return found

    def loss(self, supervised: Tensor, logits: Tensor, batch: Taught) -> Tensor:
        """The objective, [], nats per feature frame. supervised: CE; logits: the student's, [frames
        out, classes].
        """
        with torch.no_grad():
            target = self.timed(batch)
        student = (logits / self.temperature).log_softmax(-1)
        divergence = nn.functional.kl_div(student, target, reduction="sum") / len(batch.inputs[0])
        soft = self.weight * self.temperature**2 * divergence
        return soft if self.weight == 1 else (1 - self.weight) * supervised + soft


class Networks(Teacher):
    """Networks that are run on a batch; p is the mean of their posteriors."""

    def __init__(self, views: Sequence[tuple[Network, Want]], weight: float, temperature: float) -> None:
        """views: networks in evaluation mode on the examples' device, each with what it reads."""
        super().__init__(weight, temperature)
        self.views = views

    @property
    def wants(self) -> list[Want]:
        return [want for _, want in self.views]

    def posteriors(self, batch: Taught) -> Tensor:
        every = list(zip(self.views, batch.inputs, strict=True))
        pairs = [every[i] for i in batch.asked] or every
        logits = (_logits(network, inputs, batch).to(network.shift) for (network, _), inputs in pairs)
        return torch.stack([(z / self.temperature).softmax(-1) for z in logits]).mean(0)


def _logits(network: Network, inputs: Tensor, batch: Taught) -> Tensor:
    """At the student's frames: of a teacher that keeps more frames, those at which the student has
    one, too.
    """
    if batch.lengths is None:
        return network(inputs)
    logits, lengths = network.forward_utterances(inputs, batch.lengths)
    step = batch.stride // network.stride
    return torch.cat([part[::step] for part in logits.split(lengths.tolist())]) if step > 1 else logits


class Kept(Teacher):
    """Posteriors that were computed beforehand, `top` of each frame; the rest of 1 is spread evenly
    over the others.

    A row of the side features has the classes, then their posteriors, float32 [frames, 2 top].
    """

    def __init__(self, top: int, classes: int, weight: float, temperature: float) -> None:
        super().__init__(weight, temperature)
        self.top, self.classes = top, classes

    @property
    def wants(self) -> list[Want]:
        return [Want((0, 0), (0, 2 * self.top))]

    def posteriors(self, batch: Taught) -> Tensor:
        index, values = batch.inputs[0].split(self.top, 1)
        rest = (1 - values.sum(1, keepdim=True)).clamp_min(0) / max(1, self.classes - self.top)
        return rest.repeat(1, self.classes).scatter_(1, index.long(), values)


def kept_rows(posteriors: Tensor, top: int) -> Tensor:
    """Rows of `Kept`, float32 [frames, 2 top], of posteriors, [frames, classes]."""
    values, index = posteriors.topk(top, dim=1)
    return torch.cat([index.float(), values.float()], 1)


@dataclass(frozen=True)
class Lesson:
    """A teacher, and the side features that it reads besides the student's: float32 [frames, dim]
    by utterance.
    """

    teacher: Teacher
    side: Mapping[str, np.ndarray] | None = None

    @property
    def dim(self) -> int:
        """Columns of the side features."""
        return 0 if self.side is None else self.side[min(self.side)].shape[1]
