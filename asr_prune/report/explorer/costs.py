"""What a network costs, in the measures that the page's axis can show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from asr_prune.report.costs_plot import SIZES
from asr_prune.report.explorer.details import Details
from asr_prune.report.results import Result, finite


@dataclass(frozen=True)
class Measure:
    """A measure. key: its name in the page; label: of the axis; short: of the switch; value: of a
    run, None if it is not known.
    """

    key: str
    label: str
    short: str
    value: Callable[[Result, Details], float | None]


def _milliseconds(row: Result) -> float | None:
    """Of the network, for a second of speech."""
    seconds = finite(row.am_forward_seconds_per_hour)
    return None if seconds is None else round(seconds / 3.6, 4)


COSTS = (
    Measure("nodes", SIZES["nodes"], "nodes", lambda row, _: finite(row.nodes)),
    Measure("params", SIZES["params"], "parameters", lambda row, _: finite(row.params)),
    Measure("macs", SIZES["macs_per_frame"], "multiply-adds", lambda row, _: finite(row.macs_per_frame)),
    Measure(
        "latency",
        "measured time of the network, ms per second of speech",
        "measured latency",
        lambda row, _: _milliseconds(row),
    ),
    Measure("bytes", "bytes of the shrunk network's file", "bytes", lambda _, details: details.size),
)
