"""The teachers of a run: found, checked, and made into what the student's examples carry."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asr_prune.acoustic.augment import Augment
from asr_prune.acoustic.checkpoint import Model, load_model
from asr_prune.acoustic.distributed import processes
from asr_prune.acoustic.examples import Utterances, splice_utterance
from asr_prune.acoustic.imported import imported_model, imported_network, model_priors, nnet3_teacher
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.teacher import Kept, Lesson, Networks, Taught, Want, kept_rows
from asr_prune.acoustic.untranscribed import Original
from asr_prune.errors import UserError
from asr_prune.features.archive import write_matrices
from asr_prune.features.stored import Archived, Stored, frames_of
from asr_prune.pruning.removal import shrink
from asr_prune.pruning.teacher_checks import (
    check_all_alike,
    check_inputs,
    check_knowledge,
    check_outputs,
    check_single_frames,
)
from asr_prune.run_dir import RunDir, teacher_file

Labelled = tuple[Utterances, Utterances]  # features, labels

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """A teacher: as the recipe names it, its model, its features of the training set, None if they
    are the student's, and the training utterances that it has not heard, see left_out.py.
    """

    name: str
    model: Model
    features: Utterances | None = None
    unheard: frozenset[str] = frozenset()


def load_teacher(name: str, runs: Path) -> Model:
    """The model of an entry of `train.teacher`, without its removed nodes. Raises UserError if it
    cannot be read.
    """
    file = teacher_file(name, runs)
    if not file.is_file():
        raise UserError(
            f"train.teacher: {file} is not there; give a run that stands before this one in runs, "
            "the folder of a trained run, its model/network.pt, or a final.mdl of nnet3."
        )
    if file.suffix == ".mdl":
        network = nnet3_teacher(file)
        return Model(network, torch.zeros(network.outputs), (0, 0), [])
    model = load_model(file)
    model.network, _ = shrink(model.network)
    return model


def check_teacher(known: Known, student: Labelled, classes: int | list[str], stride: int, augmented: bool) -> None:
    """Raises UserError if a teacher cannot teach a network of these classes (the number of pdfs, or
    for CTC the tokens) and this stride on the training set `student`. augmented: whether training
    utterances are changed at random.
    """
    network, context, what = known.model.network, known.model.context, f"train.teacher: {known.name}"
    check_outputs(what, network, known.model.tokens, classes, stride)
    if augmented and known.features is not None:
        raise UserError(
            f"{what} reads other features than this run, which changes its own at random; give a "
            "teacher of the same features, or leave tempo, warp, mask_frames and mask_bands out of train."
        )
    features = student[0] if known.features is None else known.features
    check_inputs(what, network, context, features)
    if isinstance(classes, int):
        check_knowledge(what, network, context, features, student[1])


def checked_lesson(
    teachers: Sequence[Known],
    student: Labelled,
    classes: int | list[str],
    network: NetworkOptions,
    how: TrainOptions,
    run: RunDir,
    device: torch.device,
) -> Lesson | None:
    """What `teachers`, or an imported model itself, add to the training set `student`; None without
    one. Raises UserError as `check_teacher`.
    """
    if network.model:
        labelled = any(frames_of(student[1]).values())
        return own_lesson(network, device, how.teacher_weight if labelled else 1.0)
    outputs, ctc = (classes, False) if isinstance(classes, int) else (len(classes), True)
    augmented = ctc and Augment.from_options(how) is not None
    for known in teachers:
        known.model.network.to(device)
        if not ctc and not how.teacher_top:
            check_single_frames(f"train.teacher: {known.name}", known.model.network)
        check_teacher(known, student, classes, network.stride, augmented)
    return _lesson(teachers, student[0], how, outputs, ctc, run, device)


def own_lesson(network: NetworkOptions, device: torch.device, weight: float = 1.0) -> Lesson:
    """What an imported model teaches the network that is made from it. weight: beside labels."""
    model, original = imported_model(network), imported_network(network)
    return Lesson(Original(original.to(device), model_priors(model, original.outputs), weight))


def taught_figures(teachers: Sequence[Known], lesson: Lesson | None, sitting: float, updates: int) -> dict[str, Any]:
    """What train.json has of a run with teachers; prints what they cost. sitting: seconds since the
    run was started or went on, the teachers' included; updates: those made in it.
    """
    if lesson is None or not teachers:
        return {}
    names, seconds = [known.name for known in teachers], lesson.teacher.seconds
    unheard = frozenset[str]().union(*(known.unheard for known in teachers))
    share = seconds / sitting
    each = 1000 * seconds / max(updates, 1)
    text = "teacher %s: its posteriors took %.1f s, %.0f %% of the training, %.2f ms for each of %d updates"
    log.info(text, ", ".join(names), seconds, 100 * share, each, updates)
    figures = {"teachers": names, "teacher_seconds": round(seconds, 3), "teacher_share": round(share, 3)}
    if unheard:
        log.info("%d utterances were taught by teachers that had not heard them", len(unheard))
        figures["taught_unheard"] = len(unheard)
    return figures


def _lesson(
    teachers: Sequence[Known],
    features: Utterances,
    how: TrainOptions,
    outputs: int,
    ctc: bool,
    run: RunDir,
    device: torch.device,
) -> Lesson | None:
    """What the teachers add to the training examples of `features`; None without a teacher.

    With `how.teacher_top`, and without CTC, their posteriors are computed now and kept in the
    folder of the run's models. Raises UserError if a teacher's features have other utterances or
    frames.
    """
    if not teachers:
        return None
    side = Beside([known.features for known in teachers if known.features is not None], features)
    networks = Networks(_views(teachers), how.teacher_weight, how.temperature)
    if ctc or not how.teacher_top:
        check_all_alike([known.name for known in teachers if known.unheard], ctc)
        return Lesson(networks, side if side.parts else None)
    top = min(how.teacher_top, outputs)
    stem = run.models / "teacher"
    if processes.is_first():
        write_matrices(stem, _kept(networks, teachers, features, side, top, device))
    processes.from_first(None)
    kept = Stored.open(stem.with_suffix(".scp"), lambda _, matrix: matrix)
    teacher = Kept(top, outputs, how.teacher_weight, how.temperature)
    teacher.seconds = networks.seconds
    return Lesson(teacher, kept)


def drop_kept(run: RunDir) -> None:
    """Removes posteriors that `checked_lesson` kept."""
    for suffix in (".ark", ".scp"):
        (run.models / f"teacher{suffix}").unlink(missing_ok=True)


def _views(teachers: Sequence[Known]) -> list[tuple[Network, Want]]:
    views, start = [], 0
    for known in teachers:
        columns = None
        if known.features is not None:
            dim = known.features[min(known.features)].shape[1]
            columns, start = (start, start + dim), start + dim
        views.append((known.model.network.eval(), Want(known.model.context, columns)))
    return views


def _kept(
    networks: Networks,
    teachers: Sequence[Known],
    features: Utterances,
    side: Beside,
    top: int,
    device: torch.device,
) -> Iterator[tuple[str, np.ndarray]]:
    for name in sorted(features):
        plain, beside = features[name], side[name] if side.parts else None
        inputs = []
        for want in networks.wants:
            source = plain if want.columns is None or beside is None else beside[:, slice(*want.columns)]
            inputs.append(torch.from_numpy(splice_utterance(source, want.context)).to(device))
        with torch.inference_mode():
            asked = [i for i, known in enumerate(teachers) if name in known.unheard]
            rows = kept_rows(networks.timed(Taught(inputs, asked=asked)), top)
        yield name, rows.cpu().numpy()


class Beside(Archived):
    """Features of several teachers, side by side: float32 [frames, dims] by utterance, read on
    access.

    Raises UserError if one of them lacks an utterance of `student`, or has another number of frames
    of it.
    """

    def __init__(self, parts: Sequence[Utterances], student: Utterances) -> None:
        self.parts, self.frames = list(parts), frames_of(student)
        for part in self.parts:
            lengths = frames_of(part)
            for name, frames in self.frames.items():
                if lengths.get(name) != frames:
                    raise UserError(
                        f"train.teacher: utterance {name} has {frames} frames for this run and "
                        f"{lengths.get(name, 0)} for the teacher; give both the same frame shift and "
                        "run the features stage again."
                    )

    def __getitem__(self, name: str) -> np.ndarray:
        return np.concatenate([part[name] for part in self.parts], 1)

    def __contains__(self, name: object) -> bool:
        return bool(self.parts) and name in self.frames

    def __iter__(self) -> Iterator[str]:
        return iter(self.frames if self.parts else ())

    def __len__(self) -> int:
        return len(self.frames) if self.parts else 0
