"""Settings of how a network learns from teachers, which mean nothing where it has none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.errors import UserError
from asr_prune.recipe.blocks import Run, RunEntry

#: keys of `train:`
LESSONS = ("teacher_weight", "temperature", "teacher_top")


def is_taught(network: NetworkOptions, train: TrainOptions) -> bool:
    """Whether it has a teacher; an imported model is its own."""
    return bool(train.teachers or network.model)


def without_lessons(train: TrainOptions) -> TrainOptions:
    """`train` with the default of each of these settings, so that they make no other run."""
    return replace(train, **{key: getattr(TrainOptions, key) for key in LESSONS})


def check_lessons(
    entries: Sequence[RunEntry],
    runs: Sequence[Run],
    sets: Sequence[str],
    where: Callable[[tuple[str, ...]], str],
) -> None:
    """Raises UserError if the entry of a run without a teacher has such a setting, or a `--set`
    where no run has one. A block `train:` of recipe.yaml may have them for runs to come.

    entries: one for each run; where: the place of a key, for the message.
    """
    taught = [is_taught(run.network, run.train) for run in runs]
    for i, (entry, has) in enumerate(zip(entries, taught, strict=True)):
        if not has and (key := next((key for key in LESSONS if key in entry.train), None)):
            place = where(("runs", str(i), "train", key))
            raise UserError(f"{place}: run {runs[i].name}: {_sentence(key, 'it has no teacher')}")
    given = [text.partition("=")[0] for text in sets]
    if not any(taught) and (key := next((key for key in LESSONS if f"train.{key}" in given), None)):
        raise UserError(f"{where(('train', key))}: {_sentence(key, 'no run has a teacher')}")


def _sentence(key: str, why: str) -> str:
    return f"train.{key} means nothing, since {why}; give train.teacher, or leave {key} out."
