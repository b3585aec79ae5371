"""Frames with a label each: what a hybrid DNN-HMM's network is trained on."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from asr_prune.acoustic.examples import Batch, Examples, Outcome
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.priors import log_priors
from asr_prune.errors import UserError


class FrameSet(Examples):
    """Each frame is an example; the objective is the cross-entropy of its label.

    labels: int64 [frames] of pdf-ids.
    """

    at_once = 8192

    def __init__(self, features: Tensor, labels: Tensor, lengths: Tensor, context: tuple[int, int]) -> None:
        super().__init__(features, lengths, context)
        self.labels = labels

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
        return cls(
            torch.from_numpy(np.concatenate([features[name] for name in names]).astype(np.float32)).to(device),
            torch.from_numpy(np.concatenate([labels[name] for name in names]).astype(np.int64)).to(device),
            torch.tensor([len(features[name]) for name in names]).to(device),
            context,
        )

    def __len__(self) -> int:
        return len(self.labels)

    def batch_of(self, options: TrainOptions) -> int:
        return options.batch

    def taken(self, index: Tensor) -> Batch:
        """Spliced frames [frames, inputs] and labels [frames]."""
        return self.spliced(index), self.labels[index]

    def outcome(self, network: Network, *batch: Tensor) -> Outcome:
        inputs, labels = batch
        logits = network(inputs)
        loss = nn.functional.cross_entropy(logits, labels)
        return Outcome(loss, len(labels), (logits.detach().argmax(-1) == labels).sum(), len(labels))

    def log_priors(self, classes: int) -> Tensor:
        """Of the pdfs, from the labels."""
        return log_priors(self.labels, classes)
