"""Runs grouped into sets that differ in their seed alone, and the comparison of the sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from asr_prune.acoustic.options import NO_EFFECT
from asr_prune.errors import UserError
from asr_prune.integrity import checked
from asr_prune.layout import SEEDS
from asr_prune.report.former import runs_of_now
from asr_prune.report.results import Result, is_dense, read_result, references
from asr_prune.report.runs import order
from asr_prune.report.teachers import teachers_by_seed
from asr_prune.report.unfinished import refuse_imported
from asr_prune.run_dir import RunDir
from asr_prune.score.compare_sets import SetRow, compare_sets
from asr_prune.score.files import UTTERANCES
from asr_prune.score.pairing import Scored, check_same_test, read_scored
from asr_prune.score.run_set import run_set

#: keys of a run's recipe.yaml that may differ within a set
_OF_THE_RUN = ("name", "seed", "command")


@dataclass(frozen=True)
class ScoredRun:
    """A run, its row of results.json and the score of a set."""

    folder: RunDir
    result: Result
    scored: Scored

    @property
    def name(self) -> str:
        """The run's name without its seed."""
        return self.folder.name.removesuffix(f"-s{self.result.seed}")

    @property
    def experiment(self) -> Path:
        """The folder of its experiment; of labels of another seed, that of all seeds."""
        folder = self.folder.path.parent.parent
        return folder.parent.parent if folder.parent.name == SEEDS else folder


@dataclass(frozen=True)
class SetComparison:
    """Sets of runs beside the one at `reference`.

    rows, results: for each set, in one order; speakers, words: of the test set; left_out: a
    sentence for each run that could not be compared.
    """

    rows: list[SetRow]
    results: list[list[Result]]
    reference: int
    speakers: int
    words: int
    left_out: list[str]

    @property
    def teachers(self) -> list[tuple[str, ...]]:
        """Those of each set, see `teachers_by_seed`."""
        every = [(i, row) for i, rows in enumerate(self.results) for row in rows]
        taught = teachers_by_seed([row for _, row in every])
        return list(dict(zip((i for i, _ in every), taught, strict=True)).values())

    def nodes(self, place: int) -> float:
        """Median number of hidden nodes of a set's runs."""
        return float(median(row.nodes for row in self.results[place]))


def read_run(folder: RunDir, part: str) -> ScoredRun:
    """A run after the score stage. Raises UserError if it is missing, unfinished or damaged."""
    if not folder.path.is_dir():
        raise UserError(f"{folder.path} does not exist; give the folder of a run, or of an experiment in exp/.")
    try:
        result = read_result(folder.result, folder.name)
    except FileNotFoundError:
        refuse_imported([folder])
        raise UserError(f"{folder.result} is missing; run the stage score, which writes it.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{folder.result} is damaged ({error}); rerun the stage score.") from None
    return ScoredRun(folder, result, read_scored(folder.score(part)))


def by_seed(runs: Sequence[ScoredRun]) -> dict[str, list[ScoredRun]]:
    """Runs that differ in their seed alone, sorted by it, by the name that they share.

    What a run was asked stands in its recipe.yaml; a run without one, as of an earlier version,
    goes by its name. Labels of other seeds of an experiment are of that experiment. Sets of one
    name, as after a change of the recipe, go by that of their first run or its folder, and sets of
    several experiments by folder and name.
    """
    groups: dict[str, list[ScoredRun]] = {}
    ranked = sorted(runs, key=lambda run: order(run.result))
    taught = teachers_by_seed([run.result for run in ranked])
    for run, teachers in zip(ranked, taught, strict=True):
        groups.setdefault(f"{run.experiment}: {_asked(run, teachers)}", []).append(run)
    several = len({run.experiment for run in runs}) > 1
    names: dict[str, list[ScoredRun]] = {}
    for own in groups.values():
        group = sorted(own, key=lambda run: run.result.seed)
        first = group[0]
        both = first.name, first.folder.name
        short, full = (str(first.experiment / "runs" / name) if several else name for name in both)
        free = (name for name in (short, full) if name not in names)
        names[next(free, str(first.folder.path))] = group
    return names


def _asked(run: ScoredRun, teachers: Sequence[str] = ()) -> str:
    """What the run was asked, but for its seed, as text. teachers: its own, as all seeds have them."""
    if not run.folder.recipe.is_file():
        return run.name
    asked: dict[str, Any] = yaml.safe_load(checked(run.folder.recipe).read_text(encoding="utf-8"))
    kept = {key: value for key, value in asked.items() if key not in _OF_THE_RUN}
    train = {key: value for key, value in (kept.get("train") or {}).items() if key not in NO_EFFECT}
    # one teacher may stand there as text or as a list
    kept["train"] = train | {"teacher": list(run.result.teachers)}
    text = yaml.safe_dump(kept, sort_keys=True)
    for name, short in zip(run.result.teachers, teachers, strict=False):
        text = text.replace(name, short)
    like = run.result.like or ""
    return text.replace(like, like.removesuffix(f"-s{run.result.seed}")) if like else text


def compared(
    sets: dict[str, list[ScoredRun]],
    reference: str,
    samples: int,
    seed: int,
    left_out: Sequence[str] = (),
) -> SetComparison:
    """The comparison of `sets` with the one named `reference`; samples, seed: of the bootstrap.

    Raises UserError if the runs were not scored on one test set in one way.
    """
    first = sets[reference][0].scored
    for run in (run for runs in sets.values() for run in runs):
        check_same_test(first, run.scored)
    made = [
        run_set(
            name,
            seeds=[run.result.seed for run in runs],
            labels=[str(run.folder.path.parent) for run in runs],
            runs=[run.scored.in_order for run in runs],
        )
        for name, runs in sets.items()
    ]
    place = list(sets).index(reference)
    words = sum(utterance.counts.words for utterance in first.in_order)
    return SetComparison(
        rows=compare_sets(made, place, samples, seed),
        results=[[run.result for run in runs] for runs in sets.values()],
        reference=place,
        speakers=made[0].errors.shape[1],
        words=words,
        left_out=list(left_out),
    )


def usual_reference(sets: dict[str, list[ScoredRun]]) -> str:
    """The first set of dense runs, of those without a teacher if there are such; else the first."""
    names = {run.result.run: name for name, runs in reversed(sets.items()) for run in runs}
    dense = references([runs[0].result for runs in sets.values() if is_dense(runs[0].result)])
    return names[dense[0].run] if dense else next(iter(sets))


def alike_in_teaching(runs: Sequence[ScoredRun], taught: bool = False) -> tuple[list[ScoredRun], list[str]]:
    """The runs without a teacher, or with `taught` those with one; and a sentence on the others.

    Runs that all have a teacher are left as they are. Raises UserError if `taught` and none has.
    """
    chosen = [run for run in runs if bool(run.result.teachers) == taught]
    others = len(runs) - len(chosen)
    if taught and not chosen:
        raise UserError(f"{runs[0].experiment} has no run with a teacher; leave --taught out.")
    if not chosen or not others:
        return list(runs), []
    what, flag = ("without", "") if taught else ("with", " --taught")
    command = f"asr-prune compare {runs[0].experiment}{flag}"
    return chosen, [f"{others} runs {what} a teacher, which are compared by {command}"]


def compare_all(folders: Sequence[RunDir], samples: int, seed: int) -> SetComparison | None:
    """All finished runs of an experiment on test; None if there are fewer than two sets.

    A run that cannot be read, or was scored in another way than the reference, is left out, and so
    are former runs, and runs with a teacher beside others without.
    """
    runs = list[ScoredRun]()
    chosen, left_out = runs_of_now(folders)
    for folder in chosen:
        if folder.result.is_file() and folder.score("test").with_suffix(UTTERANCES).is_file():
            _add(runs, folder, left_out)
    runs, others = alike_in_teaching(runs)
    sets, left_out = by_seed(runs), left_out + others
    if len(sets) < 2:
        return None
    reference = usual_reference(sets)
    sets = _same_test(sets, sets[reference][0].scored, left_out)
    return compared(sets, reference, samples, seed, left_out) if len(sets) > 1 else None


def _add(runs: list[ScoredRun], folder: RunDir, left_out: list[str]) -> None:
    try:
        run = read_run(folder, "test")
        _asked(run)
    except UserError as error:
        left_out.append(f"{folder.name}: {error}")
    else:
        runs.append(run)


def _same_test(sets: dict[str, list[ScoredRun]], first: Scored, left_out: list[str]) -> dict[str, list[ScoredRun]]:
    kept: dict[str, list[ScoredRun]] = {}
    for name, runs in sets.items():
        for run in runs:
            try:
                check_same_test(first, run.scored)
            except UserError as error:
                left_out.append(f"{run.folder.name}: {error}")
            else:
                kept.setdefault(name, []).append(run)
    return kept


def runs_in(folder: Path) -> list[RunDir]:
    """The finished runs of an experiment's folder, by name. Raises UserError if it has none."""
    found = [RunDir(path.parent) for path in sorted(folder.glob("runs/*/result.json"))]
    if not found:
        refuse_imported(RunDir(path) for path in sorted(folder.glob("runs/*")))
        raise UserError(
            f"{folder} has no finished run; give the folder of an experiment, such as exp/demo, or of runs."
        )
    return found
