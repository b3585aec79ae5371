"""Labelled frames: training data of a hybrid DNN-HMM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from asr_prune.acoustic.augment import Augment
from asr_prune.acoustic.examples import Batch, Outcome, Utterances
from asr_prune.acoustic.in_memory import InMemory, concatenate, side_of
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.placing import to_device
from asr_prune.acoustic.priors import log_priors, log_priors_from_counts
from asr_prune.acoustic.teacher import Lesson, Taught, Teacher
from asr_prune.acoustic.unlabelled import NO_LABEL
from asr_prune.errors import UserError
from asr_prune.features.stored import frames_of


class FrameSet(InMemory):
    """Each frame is an example; the objective is the cross-entropy of its label.

    labels: pdf-ids, int64 [frames]; NO_LABEL where only a teacher says what a frame is.
    """

    eval_batch = 8192
    single_rows = True
    index_bytes = InMemory.index_bytes + 8

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        lengths: Tensor,
        context: tuple[int, int],
        teacher: Teacher | None = None,
        side: Tensor | None = None,
    ) -> None:
        super().__init__(features, lengths, context, teacher, side)
        self.labels = labels
        self.may_lack_labels = teacher is not None and bool((labels == NO_LABEL).any())

    @classmethod
    def count_examples(cls, lengths: np.ndarray) -> int:
        return int(lengths.sum())

    @classmethod
    def usable_utterances(cls, features: Utterances, labels: Utterances, stride: int = 1) -> list[str]:
        """Those with features and labels.

        Raises UserError if there are none, or if an utterance's features and labels differ in
        length.
        """
        names = sorted(features.keys() & labels.keys())
        if not names:
            raise UserError(
                "no utterance has both features and labels; run the stages features and align on the same data."
            )
        frames, labelled = frames_of(features), frames_of(labels)
        for name in names:
            if frames[name] != labelled[name]:
                raise UserError(
                    f"utterance {name} has {frames[name]} frames of features "
                    f"but {labelled[name]} labels; make both with the same frame shift, "
                    "then run the stages features and align again."
                )
        return names

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
    ) -> FrameSet:
        lengths = frames_of(features)
        return cls(
            to_device(concatenate(names, features, np.float32), device),
            to_device(concatenate(names, labels, np.int64), device),
            to_device(torch.tensor([lengths[name] for name in names]), device),
            context,
            lesson.teacher if lesson else None,
            side_of(names, lesson, device),
        )

    @classmethod
    def priors_from_labels(cls, names: Sequence[str], labels: Utterances, classes: int) -> Tensor:
        known = (pdfs[pdfs != NO_LABEL] for name in names if len(pdfs := labels[name]))
        counts = sum((np.bincount(pdfs, minlength=classes) for pdfs in known), np.zeros(classes, np.int64))
        return log_priors_from_counts(torch.as_tensor(counts)) if counts.any() else torch.zeros(classes)

    def __len__(self) -> int:
        return len(self.labels)

    def batch_size(self, options: TrainOptions) -> int:
        return options.batch

    def batch_at(self, index: Tensor) -> Batch:
        """Spliced frames [frames, inputs], labels [frames], and what the teacher reads."""
        spliced = self.splice(index)
        return spliced, self.labels[index], *self.taught(index, spliced)

    def outcome(self, network: Network, *batch: Tensor) -> Outcome:
        inputs, labels, *taught = batch
        return self.judged(network, network(inputs), labels, taught)

    def judged(self, network: Network, logits: Tensor, labels: Tensor, taught: Sequence[Tensor]) -> Outcome:
        """The outcome of logits, [frames, pdfs]; labels: [frames]; taught: what the teacher reads."""
        logits = logits.to(network.shift)
        if self.may_lack_labels:
            return self._partly_labelled(network, logits, labels, taught)
        loss = nn.functional.cross_entropy(logits, labels)
        correct = (logits.detach().argmax(-1) == labels).sum()
        objective = self.objective(network, loss, logits, Taught(taught))
        return Outcome(loss, objective, len(labels), correct, len(labels))

    def _partly_labelled(self, network: Network, logits: Tensor, labels: Tensor, taught: Sequence[Tensor]) -> Outcome:
        """Frames without a label have only the teacher's term, and no part in the loss. How many
        have one stays on the device, so that an update does not wait for it.
        """
        known = labels != NO_LABEL
        count = known.sum()
        entropy = nn.functional.cross_entropy(logits, labels, ignore_index=NO_LABEL, reduction="sum")
        objective = self.objective(network, entropy / len(labels), logits, Taught(taught))
        correct = (known & (logits.detach().argmax(-1) == labels)).sum()
        return Outcome(entropy / count.clamp_min(1), objective, count, correct, count, len(labels))

    def log_priors(self, classes: int) -> Tensor:
        """Of the pdfs, from the labels; zeros if no frame has one."""
        known = self.labels[self.labels != NO_LABEL]
        return log_priors(known, classes) if len(known) else torch.zeros(classes)
