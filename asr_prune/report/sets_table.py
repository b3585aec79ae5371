"""The comparison of sets of runs as a table, as sentences and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from asr_prune.errors import counted
from asr_prune.report.cells import ABSENT, decimals, three_digits
from asr_prune.report.results import Result
from asr_prune.report.sets import SetComparison
from asr_prune.report.table import shared_end
from asr_prune.report.teachers import told_teachers
from asr_prune.score.compare_sets import POWER, Difference, SetRow
from asr_prune.score.many import LEVEL

#: marks a difference in which a set has one run
ONE_SEED = "*"

HEADS = (
    *(
        ("", "set"),
        ("", "runs"),
        ("", "nodes"),
        ("WER, mean", "[95 % interval]"),
        ("lowest to", "highest"),
    ),
    ("worst", "speaker"),
    *(
        ("difference", "[95 % interval]"),
        ("p", "(Holm)"),
        ("told", "apart"),
        ("would", "show"),
        ("", "alike"),
    ),
)
#: columns that are aligned to the left
LEFT = ("set", "alike")


def heading(comparison: SetComparison) -> str:
    """What is compared with what."""
    reference = comparison.rows[comparison.reference].runs
    return (
        f"Sets of runs that differ in their seed alone, beside {reference.name}:"
        f" {counted(range(comparison.speakers), 'speaker')}, {comparison.words:,} words"
    )


def set_cells(comparison: SetComparison) -> list[list[str]]:
    """The cells under HEADS, a row for each set."""
    names = [row.runs.name for row in comparison.rows]
    end = shared_end(names)
    nodes = map(comparison.nodes, range(len(names)))
    return [
        _cells(row, row.runs.name.removesuffix(end), each) for row, each in zip(comparison.rows, nodes, strict=True)
    ]


def _cells(row: SetRow, name: str, nodes: float) -> list[str]:
    wers = row.runs.wers
    several = f"{wers.min():.2f}-{wers.max():.2f}" if len(wers) > 1 else ABSENT
    mean = _with_interval(f"{row.runs.wer:.2f}", row.interval, "4.1f")
    found = row.difference
    first = [name, str(len(wers)), three_digits(nodes), mean, several, decimals(row.runs.worst, 1)]
    return [*first, *_difference(row, found), row.letters]


def _difference(row: SetRow, found: Difference | None) -> list[str]:
    if found is None:
        return [ABSENT] * 4
    mark = ONE_SEED if found.one_seed else ""
    value = _with_interval(f"{found.value:+.2f}", found.interval, "+.1f") + mark
    told = ABSENT if row.p is None else "yes" if row.told_apart else "no"
    return [value, probability(row.p), told, decimals(row.shown, 2)]


def _with_interval(text: str, interval: tuple[float, float] | None, style: str) -> str:
    if interval is None:
        return text
    low, high = (format(end, style) for end in interval)
    return f"{text} [{low}, {high}]"


def probability(p: float | None) -> str:
    """A p-value in at most six characters."""
    if p is None:
        return ABSENT
    return "<.0001" if p < 0.0001 else f"{p:.4f}" if p < 0.1 else f"{p:.2f}"


def set_legend(comparison: SetComparison) -> list[str]:
    """What the columns mean, a sentence or two each."""
    others = len(comparison.rows) - 1
    corrected = f"corrected for {others} differences (Holm)" if others > 1 else "of one difference"
    end = shared_end([row.runs.name for row in comparison.rows])
    legends = [
        "WER: mean over runs, with an interval that takes both speakers and seeds as samples"
        " (hierarchical bootstrap); lowest to highest: of the runs; worst speaker: the highest WER of a"
        " speaker, over all runs.",
        f"difference: from {comparison.rows[comparison.reference].runs.name}, in points, speaker by"
        f" speaker; the interval is of each difference alone."
        f" p: {corrected}; told apart: p is below {LEVEL:g}.",
        "would show: the smallest difference that is found in"
        f" {100 * POWER:.0f} of 100 such experiments on this test set.",
        "alike: sets that share a letter cannot be told apart (all pairs of sets, Holm); +: nor some"
        " others, in groups beyond z.",
    ]
    if comparison.speakers == 1:
        legends.append("One speaker tells nothing of others: no interval, no p, nothing told apart.")
    if any(row.difference and row.difference.one_seed for row in comparison.rows):
        one = "one run in a set: what another seed would change is not in the interval or in p."
        legends.append(f"{ONE_SEED} {one}")
    if len(mixed := list(dict.fromkeys(comparison.teachers))) > 1:
        kinds = "; ".join(map(told_teachers, mixed))
        legends.append(
            f"Teachers differ: {kinds}. A difference of two such sets is one of their teachers, too;"
            " compare sets of the same teachers by naming the folders of their runs alone."
        )
    legends += _cut_by_magnitude(comparison, end)
    return legends + ([f"All names of sets end in {end}."] if end else [])


def _cut_by_magnitude(comparison: SetComparison, end: str) -> list[str]:
    """A sentence on the sets whose runs have not all converged."""
    lost = []
    for row, results in zip(comparison.rows, comparison.results, strict=True):
        if count := sum(one.converged is False for one in results):
            lost.append(f"{row.runs.name.removesuffix(end)} ({count} of {counted(results, 'run')})")
    return [f"Not converged, so that the cut was by magnitude: {', '.join(lost)}."] if lost else []


def format_sets(comparison: SetComparison, limit: int = 140) -> str:
    """Heading, table, legend, and what was left out; sentences in lines of `limit` characters."""
    every = [list(line) for line in zip(*HEADS, strict=True)] + set_cells(comparison)
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    left = [head[1] in LEFT for head in HEADS]
    lines = [_line(cells, widths, left) for cells in every]
    rule = "-" * max(map(len, lines))
    notes = [
        *set_legend(comparison),
        *(f"left out: {sentence}" for sentence in comparison.left_out),
    ]
    wrapped = (textwrap.wrap(note, limit, subsequent_indent="  ") for note in notes)
    return "\n".join(
        [
            heading(comparison),
            *lines[:2],
            rule,
            *lines[2:],
            rule,
            *(line for part in wrapped for line in part),
        ]
    )


def _line(cells: Sequence[str], widths: Sequence[int], left: Sequence[bool]) -> str:
    parts = zip(cells, widths, left, strict=True)
    return "  ".join(cell.ljust(width) if to_left else cell.rjust(width) for cell, width, to_left in parts).rstrip()


def sets_as_json(comparison: SetComparison | None) -> dict[str, Any]:
    """The comparison for other programs; WERs and differences in %, p before and after correction."""
    if comparison is None:
        return {"reference": None, "sets": []}
    rows = zip(comparison.rows, comparison.results, strict=True)
    return {
        "reference": comparison.rows[comparison.reference].runs.name,
        "speakers": comparison.speakers,
        "words": comparison.words,
        "sets": [_json_row(row) | _json_runs(results) for row, results in rows],
        "left_out": comparison.left_out,
    }


def _json_runs(results: Sequence[Result]) -> dict[str, Any]:
    return {"runs": [one.run for one in results], "converged": [one.converged for one in results]}


def _json_row(row: SetRow) -> dict[str, Any]:
    found, wers = row.difference, row.runs.wers
    low, high = row.interval or (None, None)
    difference_low, difference_high = (found and found.interval) or (None, None)
    return {
        "set": row.runs.name,
        "seeds": list(row.runs.seeds),
        "wer": row.runs.wer,
        "wer_low": low,
        "wer_high": high,
        "wer_worst_speaker": row.runs.worst,
        "wer_of_runs": [float(wer) for wer in wers],
        "difference": found and found.value,
        "difference_low": difference_low,
        "difference_high": difference_high,
        "p": found and found.p,
        "p_holm": row.p,
        "told_apart": row.told_apart,
        "would_show": row.shown,
        "paired_by_labels": found and found.paired,
        "letters": row.letters,
    }
