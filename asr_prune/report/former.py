"""Runs whose labels, features or transcripts have been made anew since: their figures stand beside
none of the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from asr_prune.errors import first_few
from asr_prune.integrity import written_digest
from asr_prune.layout import runs_of_folds
from asr_prune.run_dir import RunDir


def former_runs(runs: Sequence[RunDir]) -> set[RunDir]:
    """Those of `runs` that were trained, decoded or scored with files that are others by now.

    Files of runs, such as teachers, do not count, nor do files that are gone. A run of all folds
    together is a former one if it is in any fold.
    """
    return {run for run in runs if any(map(_reads_others, [run, *runs_of_folds(run)]))}


def _reads_others(run: RunDir) -> bool:
    return any(written_digest(path) not in (then, None) for path, then in _read(run))


def _read(run: RunDir) -> Iterator[tuple[Path, str]]:
    """Files that its works have read, but for those of runs, and their SHA-256 then."""
    for record in run.records.glob("*.json"):
        with suppress(OSError, ValueError):  # a work whose record is damaged is done again
            inputs = json.loads(record.read_text(encoding="utf-8")).get("inputs", {})
            yield from (
                (Path(name), then) for name, then in inputs.items() if run.path.parent not in Path(name).parents
            )


def runs_of_now(runs: Sequence[RunDir]) -> tuple[list[RunDir], list[str]]:
    """The runs that are not former ones, and a sentence on the others; if all are, all of them."""
    former = former_runs(runs)
    chosen = [run for run in runs if run not in former]
    if not chosen or not former:
        return list(runs), []
    names = first_few(sorted(run.name for run in former))
    return chosen, [f"{names}: of labels, features or transcripts that have been made anew since"]
