"""What the report says beside the rows of the runs: comparison, time, harder tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from asr_prune.decode.front_end_file import FrontEndTime, read_front_end
from asr_prune.layout import Layout
from asr_prune.report.hard import HARD_NOTE, HARD_TITLE, HardTests, hard_cells, read_hard
from asr_prune.report.results import Result
from asr_prune.report.sets import SetComparison, compare_all
from asr_prune.report.waiting import WAITING_TITLE, waiting_cells, waiting_notes
from asr_prune.score.options import ScoreOptions

#: title, cells and notes of a table
SmallTable = tuple[str, list[list[str]], list[str]]


@dataclass(frozen=True)
class Further:
    """comparison: of the runs as sets; front_end: how long the steps before the networks take;
    hard: worst speaker and sets with noise, by run.
    """

    comparison: SetComparison | None = None
    front_end: FrontEndTime = field(default_factory=FrontEndTime)
    hard: Mapping[str, HardTests] = field(default_factory=dict)


def read_further(layout: Layout, score: ScoreOptions) -> Further:
    """All of it, of the runs of an experiment. Raises UserError if the front end's time is damaged."""
    runs = layout.existing_runs()
    return Further(
        comparison=compare_all(runs, score.bootstrap, score.seed),
        front_end=read_front_end(layout.front_end),
        hard={run.name: read_hard(run) for run in runs},
    )


def small_tables(rows: Sequence[Result]) -> list[SmallTable]:
    """The tables of harder tests and of time, as far as anything is known for them."""
    tables: list[SmallTable] = []
    if any(row.noise_test for row in rows):
        tables.append((HARD_TITLE, hard_cells(rows), [HARD_NOTE]))
    if any(row.rtf_total for row in rows):
        tables.append((WAITING_TITLE, waiting_cells(rows), waiting_notes(rows)))
    return tables
