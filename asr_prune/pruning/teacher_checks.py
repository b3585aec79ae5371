"""Whether a teacher can teach a run: its outputs, frames and features, and what it knows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from asr_prune.acoustic.examples import Utterances, splice_utterance
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import check_strides
from asr_prune.acoustic.unlabelled import NO_LABEL
from asr_prune.errors import UserError

#: training frames on which a teacher is tried
TRIED = 5000
#: nats per frame by which a teacher may be worse than equal posteriors of all pdfs, as a network is
#: that has hardly been trained
SLACK = 1.0

_FIX = "give a teacher that was trained on the same labels"


def check_outputs(what: str, network: Network, tokens: list[str], classes: int | list[str], stride: int) -> None:
    """Raises UserError if a teacher's outputs are not `classes` (the number of pdfs, or for CTC the
    tokens), or are at frames that a network of this stride has none at.

    what: the teacher, for the message; tokens: the teacher's, empty for pdfs.
    """
    if bool(tokens) != isinstance(classes, list):
        kinds = ("tokens with CTC", "pdfs") if tokens else ("pdfs", "tokens with CTC")
        raise UserError(f"{what} was trained on {kinds[0]}, this run is on {kinds[1]}; {_FIX}.")
    if tokens and tokens != classes:
        raise UserError(f"{what} has other tokens than this run, or another order; {_FIX}.")
    if isinstance(classes, int) and network.outputs != classes:
        have = f"{what} has {network.outputs} outputs, the labels of this run {classes} pdfs"
        raise UserError(f"{have}; {_FIX}.")
    check_strides(what, network.stride, stride)


def check_inputs(what: str, network: Network, context: tuple[int, int], features: Utterances) -> None:
    """Raises UserError if `features`, float32 [frames, dim] by utterance, spliced, are not a
    teacher's input.
    """
    inputs = (1 + sum(context)) * (features[min(features)].shape[1] if features else 0)
    if inputs not in (0, network.inputs):
        raise UserError(
            f"{what} reads {network.inputs} values a frame, its features give {inputs}; give a "
            "teacher that was trained on features of this experiment."
        )


def check_knowledge(
    what: str, network: Network, context: tuple[int, int], features: Utterances, labels: Utterances
) -> None:
    """Raises UserError if a teacher is worse on the labels than one that knows nothing, as it is if
    its pdfs are those of another tree, or if its features are not what it was trained on.

    features: the teacher's, float32 [frames, dim] by utterance; labels: pdf-ids by utterance.
    """
    entropy, frames = 0.0, 0
    for name in sorted(features.keys() & labels.keys()):
        inputs = torch.from_numpy(splice_utterance(features[name], context))
        pdfs = torch.from_numpy(labels[name].astype(np.int64)).to(network.shift.device)
        if len(pdfs) == len(inputs) and bool((pdfs != NO_LABEL).all()):  # others are refused elsewhere
            with torch.inference_mode():
                logits = network(inputs.to(pdfs.device))
                entropy += float(nn.functional.cross_entropy(logits, pdfs, reduction="sum"))
            frames += len(pdfs)
        if frames >= TRIED:
            break
    equal = math.log(network.outputs)
    if entropy > frames * (equal + SLACK):
        raise UserError(
            f"{what} does not know the labels of this run: its cross-entropy on them is "
            f"{entropy / frames:.1f}, with equal posteriors it would be {equal:.1f}; {_FIX} and features."
        )


def check_all_alike(names: Sequence[str], ctc: bool) -> None:
    """Raises UserError if there are teachers, `names`, that have not heard some utterances and are
    to be run on batches, in which utterances cannot be told apart.
    """
    if names:
        fix = "with CTC, give teachers that heard all speakers" if ctc else "set train.teacher_top to 16"
        why = "was trained with leave_out, so that each utterance has teachers of its own"
        raise UserError(f"train.teacher: {names[0]} {why}; {fix}.")


def check_single_frames(what: str, network: Network) -> None:
    """Raises UserError if a teacher that is run on every batch reads more than the frames there."""
    if network.reach != (0, 0):
        raise UserError(
            f"{what} reads whole utterances, and with frame labels a batch has parts of them; set "
            "train.teacher_top to 16, so that its posteriors are computed before."
        )
