"""Forms of one network, and how far they are apart."""

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

#: allowed difference of logits between two float32 forms, by their largest logit, where that is more than 1
TOLERANCE = 1e-5


class Outputs(NamedTuple):
    """float32 [frames, pdfs] each; loglikes: log-softmax less log priors."""

    logits: np.ndarray
    loglikes: np.ndarray


#: float32 [frames, dim] of one utterance, unspliced, to its outputs
Forward = Callable[[np.ndarray], Outputs]


def torch_forward(model: Model) -> Forward:
    """The network as torch computes it."""
    network, priors = model.network.eval(), model.priors

    @torch.no_grad()
    def forward(features: np.ndarray) -> Outputs:
        logits = network(torch.from_numpy(splice_utterance(features, model.context)))
        return Outputs(logits.numpy(), (logits.log_softmax(-1) - priors).numpy())

    return forward


@dataclass(frozen=True)
class Likeness:
    """One form of a network beside another over all frames of some utterances.

    difference: largest of two logits; largest: largest |logit| of the reference; same_best: share of the frames with
    the same most likely pdf; accuracy: share of the labelled frames whose most likely pdf is the label, None where
    nothing is labelled; seconds: that the form itself took.
    """

    frames: int
    difference: float
    largest: float
    same_best: float
    accuracy: float | None
    seconds: float

    @property
    def allowed(self) -> float:
        """Largest difference between two float32 forms of one network."""
        return TOLERANCE * max(1.0, self.largest)


def liken(
    form: Forward, reference: Forward, utterances: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]
) -> Likeness:
    """Runs both on every utterance (float32 [frames, dim]), after a first run that is not timed.

    labels: pdf-ids [frames] of some of the utterances.
    """
    same = labelled = right = frames = 0
    difference, largest, seconds = 0.0, 0.0, 0.0
    for features in islice(utterances.values(), 1):
        form(features)
    for name, features in utterances.items():
        start = time.perf_counter()
        found = form(features).logits
        seconds += time.perf_counter() - start
        wanted, best = reference(features).logits, found.argmax(1)
        # nan_to_num: max() would pass over a difference that is no number
        difference = max(difference, float(np.nan_to_num(np.abs(found - wanted), nan=np.inf).max(initial=0)))
        largest = max(largest, float(np.abs(wanted).max(initial=0)))
        frames, same = frames + len(best), same + int((best == wanted.argmax(1)).sum())
        if name in labels:
            labelled, right = labelled + len(best), right + int((best == labels[name]).sum())
    accuracy = right / labelled if labelled else None
    return Likeness(frames, difference, largest, same / max(frames, 1), accuracy, seconds)
