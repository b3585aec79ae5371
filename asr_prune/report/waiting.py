"""What a user waits for: the parts of the real-time factor of each run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from asr_prune.decode.front_end_file import FrontEndTime
from asr_prune.report.cells import ABSENT, decimals
from asr_prune.report.results import Result, finite, references
from asr_prune.report.runs import FinishedRun
from asr_prune.report.series import references_of

#: headings, and the fields of `Result` below them
WAITED_FOR = {
    "front end": "rtf_front_end",
    "adaptation": "rtf_adaptation",
    "network": "rtf_network",
    "search": "rtf_decode",
    "all": "rtf_total",
}
WAITING_TITLE = "What a user waits for: milliseconds per second of speech"
_HOUR = 3600.0
_LEGEND = (
    "front end: reading audio and computing features; adaptation: of the features to speakers; network:"
    " its forward pass; search: at one LM weight. Without loading; on one core, but for the network."
)


def with_waiting(runs: Sequence[FinishedRun], front_end: FrontEndTime) -> list[FinishedRun]:
    """`runs` with the real-time factors of all parts, and their sum if all are known."""
    return [replace(run, result=_with_parts(run.result, front_end)) for run in runs]


def _with_parts(row: Result, front_end: FrontEndTime) -> Result:
    seconds, search = finite(row.am_forward_seconds_per_hour), finite(row.rtf_decode)
    network = None if seconds is None else seconds / _HOUR
    known = (front_end.features, network, search)
    total = None if None in known else sum(part for part in known if part is not None)
    return replace(
        row,
        rtf_network=network,
        rtf_front_end=front_end.features,
        rtf_adaptation=front_end.adaptation,
        rtf_total=None if total is None else total + (front_end.adaptation or 0.0),
    )


def waiting_cells(rows: Sequence[Result]) -> list[list[str]]:
    """A heading, and a row for each run: milliseconds of WAITED_FOR, and the sum in % of that of a
    dense network of its size.
    """
    known = [row for row in rows if finite(row.rtf_total)]
    lines = [["run", *WAITED_FOR, "% of dense"]]
    for row in rows:
        dense, total = next(iter(references_of(row, known)), None), finite(row.rtf_total)
        whole = dense and dense.rtf_total
        share = f"{100 * total / whole:.0f}" if total and whole else ABSENT
        lines.append([row.run, *milliseconds(row).values(), share])
    return lines


def milliseconds(row: Result) -> dict[str, str]:
    """What each part takes of a second of speech, under the headings of WAITED_FOR."""
    values = {head: finite(getattr(row, field)) for head, field in WAITED_FOR.items()}
    return {head: decimals(value and 1000 * value, 2) for head, value in values.items()}


def waiting_notes(rows: Sequence[Result]) -> list[str]:
    """What the columns mean, and how much pruning can save of the dense network's time at most."""
    dense = next((row for row in references(rows) if finite(row.rtf_total)), None)
    if dense is None or dense.rtf_network is None or not dense.rtf_total:
        return [_LEGEND]
    share = 100 * dense.rtf_network / dense.rtf_total
    most = f"The network is {share:.0f} % of what {dense.run} takes: that is the most that pruning saves directly."
    return [_LEGEND, most]
