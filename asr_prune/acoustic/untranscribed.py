"""Utterances from which a network learns the outputs of the one that it was made from, transcribed
or not.
"""

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
from asr_prune.acoustic.unlabelled import NO_LABEL
from asr_prune.errors import UserError
from asr_prune.features.stored import frames_of


class Original(Networks):
    """The network before pruning, as the only teacher.

    priors: log priors of its outputs, float32 [classes]; weight: of its part of the objective where
    there are labels.
    """

    def __init__(self, network: GraphNetwork, priors: Tensor, weight: float = 1.0) -> None:
        super().__init__([(network.eval(), Want((0, 0)))], weight, 1.0)
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


def output_frames(frames: Tensor, stride: int) -> Tensor:
    """Outputs of utterances of `frames` feature frames, int64, one for every `stride`."""
    return (frames + stride - 1) // stride


class Untranscribed(InMemory):
    """Each utterance is an example; the loss is the distance of the outputs from the original's,
    and the accuracy the share of frames with the same best class.

    labels: of all outputs, int64 [output frames], NO_LABEL where there is none. The objective is
    `(1 - w) CE + w distance`, w the original's weight; a frame without a label has only its
    distance.
    """

    eval_batch = 8
    index_bytes = InMemory.index_bytes + 8
    loss_name, share_name = "distance", "same best"
    teacher: Original

    def __init__(self, features: Tensor, lengths: Tensor, labels: Tensor, original: Original) -> None:
        super().__init__(features, lengths, (0, 0), original)
        self.lengths, self.starts = lengths, lengths.cumsum(0) - lengths
        self.labels = labels
        self.outputs = output_frames(lengths, original.network.stride)
        self.first_outputs = self.outputs.cumsum(0) - self.outputs

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
        """labels: an id for each output, of the utterances that have them; context, stride,
        augment: of no effect.
        """
        assert lesson is not None
        assert isinstance(lesson.teacher, Original)
        lengths = frames_of(features)
        frames = torch.tensor([lengths[name] for name in names])
        counts = output_frames(frames, lesson.teacher.network.stride).tolist()
        ids = [_labels_of(name, labels, count) for name, count in zip(names, counts, strict=True)]
        joined, known = concatenate(names, features, np.float32), torch.from_numpy(np.concatenate(ids))
        return cls(to_device(joined, device), frames.to(device), known.to(device), lesson.teacher)

    @classmethod
    def priors_from_labels(cls, names: Sequence[str], labels: Utterances, classes: int) -> Tensor:
        return torch.zeros(classes)

    def __len__(self) -> int:
        return len(self.lengths)

    def batch_size(self, options: TrainOptions) -> int:
        return options.utterances

    def batch_at(self, index: Tensor) -> Batch:
        """Frames [frames, inputs], the lengths of the utterances, and labels of the outputs."""
        chosen = index.tolist()
        parts = [self.features[self.starts[i] : self.starts[i] + self.lengths[i]] for i in chosen]
        labels = [self.labels[self.first_outputs[i] : self.first_outputs[i] + self.outputs[i]] for i in chosen]
        return torch.cat(parts), self.lengths[index], torch.cat(labels)

    def outcome(self, network: Network, *batch: Tensor) -> Outcome:
        frames, lengths, labels = batch
        outputs, _ = network.forward_utterances(frames, lengths)
        with torch.no_grad():
            wanted, _ = self.teacher.network.forward_utterances(frames, lengths)
        outputs, wanted = outputs.to(network.shift), wanted.to(network.shift)
        loss = self.teacher.distance(outputs, wanted)
        same = (outputs.detach().argmax(-1) == wanted.argmax(-1)).sum()
        objective = loss if self.teacher.weight == 1 else self._beside_labels(loss, outputs, labels)
        return Outcome(loss, objective, len(outputs), same, len(outputs))

    def _beside_labels(self, distance: Tensor, outputs: Tensor, labels: Tensor) -> Tensor:
        weight, ignored = self.teacher.weight, NO_LABEL
        entropy = nn.functional.cross_entropy(outputs, labels, ignore_index=ignored, reduction="sum") / len(labels)
        return (1 - weight) * entropy + weight * distance

    def log_priors(self, classes: int) -> Tensor:
        """The original model's."""
        return self.teacher.priors


def _labels_of(name: str, labels: Utterances, count: int) -> np.ndarray:
    """int64 [count]. Raises UserError if the utterance has another number of them."""
    if name not in labels or not len(labels[name]):
        return np.full(count, NO_LABEL, np.int64)
    if len(labels[name]) != count:
        what = f"utterance {name} has {count} outputs but {len(labels[name])} labels"
        raise UserError(f"{what}; run the stages features and align again.")
    return labels[name].astype(np.int64)
