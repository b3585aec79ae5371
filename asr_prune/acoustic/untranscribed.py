"""Utterances without transcripts: a network learns the outputs of the one that it was made from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from asr_prune.acoustic.augment import Augment
from asr_prune.acoustic.examples import Batch, Outcome, Utterances
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.acoustic.in_memory import InMemory, concatenate
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.placing import to_device
from asr_prune.acoustic.teacher import Lesson, Networks, Want
from asr_prune.errors import UserError
from asr_prune.features.stored import frames_of


class Original(Networks):
    """The network before pruning, as the only teacher.

    priors: log priors of its outputs, float32 [classes].
    """

    def __init__(self, network: GraphNetwork, priors: Tensor) -> None:
        super().__init__([(network.eval(), Want((0, 0)))], 1.0, 1.0)
        self.network, self.priors = network, priors

    def distance(self, outputs: Tensor, wanted: Tensor) -> Tensor:
        """Of a network's outputs from those of the original, [], a mean over output frames."""
        return (divergence if self.network.normalised else score_distance)(outputs, wanted)


def divergence(outputs: Tensor, wanted: Tensor) -> Tensor:
    """KL(p || q) of posteriors whose logarithms are `wanted` and `outputs`, [frames, classes]."""
    q, p = outputs.log_softmax(-1), wanted.log_softmax(-1)
    return nn.functional.kl_div(q, p, reduction="sum", log_target=True) / len(outputs)


def score_distance(outputs: Tensor, wanted: Tensor) -> Tensor:
    """Half the mean squared difference of the scores of chain models, [frames, classes], each
    frame's mean taken off.

    A decoder adds up these scores as they are; what all of a frame have in common, it adds to
    every path. So this is 0 if, and only if, all paths differ by as much as they did. The
    divergence of their softmax is not: it hardly sees scores that are not among a frame's best,
    which the paths of a graph go through, and chain models give no posteriors.
    """
    off = (outputs - wanted) - (outputs - wanted).mean(1, keepdim=True)
    return off.square().mean() / 2


class Untranscribed(InMemory):
    """Each utterance is an example; the objective is the distance of the outputs from the
    original's, and the accuracy the share of frames with the same best class.
    """

    eval_batch = 8
    teacher: Original

    def __init__(self, features: Tensor, lengths: Tensor, original: Original) -> None:
        super().__init__(features, lengths, (0, 0), original)
        self.lengths, self.starts = lengths, lengths.cumsum(0) - lengths

    @classmethod
    def count_examples(cls, lengths: np.ndarray) -> int:
        return len(lengths)

    @classmethod
    def usable_utterances(cls, features: Utterances, labels: Utterances, stride: int = 1) -> list[str]:
        if not features:
            raise UserError("no utterance has features; run the stages corpus and features.")
        return sorted(features)

    @classmethod
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
    ) -> Untranscribed:
        """labels, context, stride, augment: of no effect."""
        assert lesson is not None
        assert isinstance(lesson.teacher, Original)
        lengths = frames_of(features)
        joined = to_device(concatenate(names, features, np.float32), device)
        return cls(joined, torch.tensor([lengths[name] for name in names]).to(device), lesson.teacher)

    @classmethod
    def priors_from_labels(cls, names: Sequence[str], labels: Utterances, classes: int) -> Tensor:
        return torch.zeros(classes)

    def __len__(self) -> int:
        return len(self.lengths)

    def batch_size(self, options: TrainOptions) -> int:
        return options.utterances

    def batch_at(self, index: Tensor) -> Batch:
        """Frames [frames, inputs], and the lengths of the utterances."""
        parts = [self.features[self.starts[i] : self.starts[i] + self.lengths[i]] for i in index.tolist()]
        return torch.cat(parts), self.lengths[index]

    def outcome(self, network: Network, *batch: Tensor) -> Outcome:
        frames, lengths = batch
        outputs, _ = network.forward_utterances(frames, lengths)
        with torch.no_grad():
            wanted, _ = self.teacher.network.forward_utterances(frames, lengths)
        outputs, wanted = outputs.to(network.shift), wanted.to(network.shift)
        loss = self.teacher.distance(outputs, wanted)
        same = (outputs.detach().argmax(-1) == wanted.argmax(-1)).sum()
        return Outcome(loss, loss, len(outputs), same, len(outputs))

    def log_priors(self, classes: int) -> Tensor:
        """The original model's."""
        return self.teacher.priors
