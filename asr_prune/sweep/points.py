"""The runs of a sweep's file: each is an entry of `runs:`, so it is named, checked and trained as
any run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from asr_prune.errors import UserError, did_you_mean
from asr_prune.options import first_problem, told
from asr_prune.recipe.blocks import Run
from asr_prune.recipe.lessons import LESSONS
from asr_prune.recipe.naming import TARGETS, compact
from asr_prune.recipe.settings import Lines, known_keys, read_yaml
from asr_prune.run_dir import RunDir
from asr_prune.stages import works_of
from asr_prune.sweep.options import DENSE_TEACHER, TARGET_LISTS, MethodEntry, SweepOptions, is_dense_entry
from asr_prune.workflow.experiment import Experiment, open_experiment
from asr_prune.workflow.work import Work

_Entry = dict[str, Any]
#: stages that all runs of a sweep share
SHARED_STAGES = ("corpus", "lang", "features", "align", "graph")
#: stages of a single run
RUN_STAGES = ("train", "shrink", "decode", "score")


@dataclass(frozen=True)
class SweepPoint:
    """One run of a sweep.

    experiment: its last run is this one, and the others are those that it needs, so that its
    command makes this run alone; method: the entry of `methods`, in words.
    """

    experiment: Experiment
    method: str

    @property
    def run(self) -> Run:
        return self.experiment.runs[-1]

    @property
    def name(self) -> str:
        return self.run.name

    @property
    def folder(self) -> RunDir:
        """Where its result is; with folds that of all of them together."""
        return self.experiment.pooled.run_dir(self.run)

    @property
    def needs(self) -> list[str]:
        """Names of the runs that must be trained before."""
        return [run.name for run in self.experiment.runs[:-1]]

    def works(self, stages: Sequence[str] = RUN_STAGES) -> list[Work]:
        """What is to be done for this run, once the shared stages are done."""
        works = (work for stage in stages for work in works_of(stage, self.experiment))
        return [work for work in works if work.run == self.name]


def read_sweep(path: Path) -> SweepOptions:
    """A sweep's file. Raises UserError with file and line if it cannot be read, or holds an unknown
    key or a value that it may not have.
    """
    tree, lines = read_yaml(path)
    try:
        return TypeAdapter(SweepOptions).validate_python(tree)
    except ValidationError as error:
        raise UserError(_sentence(first_problem(error.errors()), path, lines)) from None


def _sentence(problem: Mapping[str, Any], path: Path, lines: Lines) -> str:
    loc = tuple(map(str, problem["loc"]))
    line = next((lines[loc[:n]] for n in range(len(loc), 0, -1) if loc[:n] in lines), None)
    where = f"{path}{f' line {line}' if line else ''}"
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{where}: unknown key {'.'.join(loc)!r}{did_you_mean(loc[-1], known_keys(SweepOptions, loc[:-1]))}"
    return f"{where}: {'.'.join(loc) + ': ' if loc else ''}{told(problem)}."


def points_of(path: Path, recipe: Path, sets: Sequence[str] = ()) -> list[SweepPoint]:
    """The runs of the sweep in file `path`, those that others need first. recipe: folder of its
    recipe; sets: further `--set` texts.

    Raises UserError if the file or a run is not valid, or if two runs are the same.
    """
    sweep = read_sweep(path)
    points: dict[str, SweepPoint] = {}
    for entry, runs in _runs(sweep):
        folds = ["=".join(("corpus.folds", str(sweep.folds)))] if sweep.folds else []
        shared = [*sweep.set, *sets]
        if any(sweep.teachers):
            shared, runs = _lessons_of_taught(shared, runs)
        settings = [*folds, *shared, f"runs=[{', '.join(map(_flow, runs))}]"]
        point = SweepPoint(_opened(path, recipe, settings), _words(entry))
        if point.name in points:
            raise UserError(f"{path}: two runs are the same run {point.name!r}; remove one of the entries.")
        points[point.name] = point
    return list(points.values())


def _lessons_of_taught(sets: list[str], runs: list[_Entry]) -> tuple[list[str], list[_Entry]]:
    """Both without what only concerns runs with a teacher, where a sweep has runs of both kinds."""
    named = [_lessons_if_taught(run) for run in runs]
    if not any("teacher" in run.get("train", {}) for run in runs):
        keys = {f"train.{key}" for key in LESSONS}
        sets = [text for text in sets if text.partition("=")[0] not in keys]
    return sets, named


def _lessons_if_taught(run: dict[str, Any]) -> dict[str, Any]:
    train = run.get("train", {})
    if "teacher" in train or not {*LESSONS} & train.keys():
        return run
    return {**run, "train": {key: value for key, value in train.items() if key not in LESSONS}}


def _opened(path: Path, recipe: Path, settings: Sequence[str]) -> Experiment:
    """Raises UserError, in the words of the sweep's file, if its run is not valid."""
    try:
        experiment = open_experiment(recipe, settings, nj=1)
        works_of("train", experiment)
    except UserError as error:
        said = str(error).removeprefix(f"--set {settings[-1]}: ")
        raise UserError(f"{path}: {settings[-1].removeprefix('runs=')}: {said}") from error
    return experiment


def _runs(sweep: SweepOptions) -> Iterator[tuple[MethodEntry, list[dict[str, Any]]]]:
    """The entries of `runs:` for each run: those that it needs, and its own.

    Seeds vary slowest but for networks, so that what is done early compares all methods.
    """
    dense = next((entry for entry in sweep.methods if is_dense_entry(entry)), None)
    for network, seed, teacher in product(sweep.networks or ({},), sweep.seeds or (None,), sweep.teachers):
        if dense and teacher == DENSE_TEACHER and None not in sweep.teachers:
            yield dense, [_entry(dense, {}, network, seed, None)]
        for target, entry in _targets(sweep):
            needed = [_entry(dense, {}, network, seed, None)] if teacher == DENSE_TEACHER and dense else []
            yield entry, [*needed, _entry(entry, target, network, seed, teacher)]


def _targets(sweep: SweepOptions) -> Iterator[tuple[dict[str, Any], MethodEntry]]:
    """Every target with every entry that is run at it, one target after another."""
    targets = {i: _targets_of(sweep, entry) for i, entry in enumerate(sweep.methods)}
    for place in range(max(map(len, targets.values()))):
        for i, entry in enumerate(sweep.methods):
            if place < len(targets[i]):
                yield targets[i][place], entry


def _targets_of(sweep: SweepOptions, entry: MethodEntry) -> list[dict[str, Any]]:
    if is_dense_entry(entry) or {*TARGETS, "like"} & entry.prune.keys():
        return [{}]
    own = entry if any(getattr(entry, sizes) for sizes in TARGET_LISTS) else sweep
    return [{key: value} for sizes, key in TARGET_LISTS.items() for value in getattr(own, sizes)] or [{}]


def _entry(
    entry: MethodEntry,
    target: Mapping[str, Any],
    network: Mapping[str, Any],
    seed: int | None,
    teacher: str | tuple[str, ...] | None,
) -> dict[str, Any]:
    named = list(teacher) if isinstance(teacher, tuple) else teacher
    train = {**entry.train, **({"teacher": named} if named else {})}
    blocks = {
        "prune": {**entry.prune, **target},
        "network": {**network, **entry.network},
        "train": train,
    }
    return {
        **{key: block for key, block in blocks.items() if block},
        **({} if seed is None else {"seed": seed}),
    }


def _flow(entry: Mapping[str, Any]) -> str:
    """YAML in one line."""
    return yaml.safe_dump(dict(entry), default_flow_style=True, width=10**6, sort_keys=False).rstrip("\n")


def _words(entry: MethodEntry) -> str:
    """The method and what its entry sets beside it."""
    blocks = ({k: v for k, v in entry.prune.items() if k != "method"}, entry.network, entry.train)
    settings = [f"{key} {compact(value)}" for block in blocks for key, value in block.items()]
    return ", ".join([str(entry.prune.get("method", "the recipe's method")), *settings])


def reopened(points: Sequence[SweepPoint]) -> list[SweepPoint]:
    """The same runs, with what the shared stages have recorded since."""
    return [SweepPoint(Experiment(point.experiment.loaded, nj=1), point.method) for point in points]
