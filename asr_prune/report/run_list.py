"""All runs of an experiment, for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from asr_prune.errors import UserError, counted
from asr_prune.integrity import Damaged
from asr_prune.layout import Layout
from asr_prune.report.former import former_runs
from asr_prune.report.results import Result, finite, read_result
from asr_prune.report.runs import order
from asr_prune.report.table import table
from asr_prune.report.unfinished import how_far
from asr_prune.run_dir import RunDir

#: what a list may be sorted by, beside the order of the report
SORTS: dict[str, Callable[[Result], float | None]] = {
    "wer": lambda row: row.wer_test,
    "nodes": lambda row: row.nodes,
    "params": lambda row: row.params,
    "ce": lambda row: row.dev_ce_final,
}


def run_list(
    layout: Layout,
    failed: Mapping[str, str],
    only: str = "",
    by: str | None = None,
    width: int = 140,
) -> str:
    """The table of the report with the finished runs, and how far the others are.

    failed: why runs without a result failed, as far as is known; only: part of their names; by: a
    key of SORTS, None for the order of the report; width: of a line, in characters. Raises
    UserError if there is no such run.
    """
    runs = [run for run in layout.existing_runs() if only in run.name]
    if not runs:
        what = f"{layout.exp} has no run{f' whose name contains {only!r}' if only else ''}"
        raise UserError(f"{what}; asr-prune list without arguments lists all that there is.")
    rows, others = _read(runs)
    # runs of imported models have no row
    finished = len(rows) + sum(run.vosk.is_file() for run in runs)
    count = f"{counted(runs, 'run')}, {finished} finished"
    lines = [
        f"{layout.exp}: {count}",
        *([table(_sorted(rows, by), width).rstrip("\n")] if rows else []),
    ]
    wide = max(map(len, others), default=0)
    return "\n".join([*lines, *(f"{name:{wide}s}  {failed.get(name, far)}" for name, far in others.items())]) + "\n"


def _read(runs: Sequence[RunDir]) -> tuple[list[Result], dict[str, str]]:
    """The results, and of runs without one how far they are, by name."""
    rows, others, former = [], {}, former_runs(runs)
    for run in runs:
        try:
            rows.append(replace(read_result(run.result, run.name), former=run in former))
        except FileNotFoundError:
            others[run.name] = how_far(run)
        except Damaged as error:
            others[run.name] = str(error)
        except (ValueError, OSError) as error:
            others[run.name] = f"{run.result.name} is damaged ({error})"
    return rows, others


def _sorted(rows: Sequence[Result], by: str | None) -> list[Result]:
    if by is None:
        return sorted(rows, key=order)
    return sorted(rows, key=lambda row: (finite(SORTS[by](row)) is None, finite(SORTS[by](row)) or 0, row.run))
