"""Implementations of one network and their numerical differences."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch

from asr_prune.acoustic.checkpoint import Model
from asr_prune.acoustic.examples import splice_utterance

#: allowed difference of logits between two float32 forms, relative to the largest logit above 1
_TOLERANCE = 1e-5


class Outputs(NamedTuple):
    """float32 [frames, pdfs] each; loglikes: log-softmax minus log priors."""

    logits: np.ndarray
    loglikes: np.ndarray


#: maps unspliced features float32 [frames, dim] of one utterance to its outputs
Forward = Callable[[np.ndarray], Outputs]


def torch_forward(model: Model) -> Forward:
    """The network computed by torch."""
    network, priors = model.network.eval(), model.priors

    @torch.no_grad()
    def forward(features: np.ndarray) -> Outputs:
        logits = network(torch.from_numpy(splice_utterance(features, model.context)))
        return Outputs(logits.numpy(), (logits.log_softmax(-1) - priors).numpy())

    return forward


@dataclass(frozen=True)
class Likeness:
    """One form of a network compared with a reference, over all frames of some utterances.

    difference: largest difference of two logits; largest: largest |logit| of the reference;
    same_best: share of the frames with the same most likely pdf; accuracy: share of the labelled
    frames whose most likely pdf is the label, None without labels; seconds: time of the form.
    """

    frames: int
    difference: float
    largest: float
    same_best: float
    accuracy: float | None
    seconds: float

    @property
    def allowed(self) -> float:
        """Largest difference allowed between two float32 forms of one network."""
        return _TOLERANCE * max(1.0, self.largest)


def liken(
    form: Forward,
    reference: Forward,
    utterances: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
) -> Likeness:
    """Runs both on every utterance, float32 [frames, dim], after a first run that is not timed.

    labels: pdf-ids [frames] of some of the utterances.
    """
    same = labelled = right = frames = 0
    difference, largest, seconds = 0.0, 0.0, 0.0
    for features in islice(utterances.values(), 1):
        form(features)
    for name, features in utterances.items():
        start = time.perf_counter()
        logits = form(features).logits
        seconds += time.perf_counter() - start
        expected, best = reference(features).logits, logits.argmax(1)
        difference = max(difference, _largest(logits - expected))
        largest = max(largest, float(np.abs(expected).max(initial=0)))
        frames, same = frames + len(best), same + int((best == expected.argmax(1)).sum())
        if name in labels:
            labelled, right = labelled + len(best), right + int((best == labels[name]).sum())
    accuracy = right / labelled if labelled else None
    return Likeness(frames, difference, largest, same / max(frames, 1), accuracy, seconds)


def _largest(differences: np.ndarray) -> float:
    """The largest absolute value; NaN, which max() would skip, counts as infinite."""
    return float(np.nan_to_num(np.abs(differences), nan=np.inf).max(initial=0))
