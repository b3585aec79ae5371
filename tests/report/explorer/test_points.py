"""What the main chart draws."""

from __future__ import annotations

import json
import re

import pytest

from asr_prune.report.explorer.costs import COSTS
from asr_prune.report.explorer.details import Details
from asr_prune.report.explorer.points import (
    MARKERS,
    CostedRun,
    chart_data,
    known_runs,
    points_of_line,
    takes_widths,
)
from asr_prune.report.explorer.section import explorer
from asr_prune.report.runs import FinishedRun
from asr_prune.report.series import series
from tests.report.conftest import invented


def scored(run: str, cost: float | None, wer: float, **more: object) -> CostedRun:
    """A run with that many nodes."""
    return CostedRun(invented(run, "l2", 512, wer, **more), {"nodes": cost})


def test_seeds_meet_in_their_median_as_in_the_picture() -> None:
    runs = [scored(f"s{wer}", 10 * wer, wer, keep_asked=0.5) for wer in (10.0, 11.0, 15.0)]
    runs.append(scored("q", 20.0, 20.0, keep_asked=0.25))
    runs.append(scored("unknown", None, 99.0, keep_asked=0.25))
    assert points_of_line(runs, "nodes") == [(20.0, 20.0), (110.0, 11.0)]
    rows = [invented(f"s{wer}", "l2", 10 * wer, wer, keep_asked=0.5) for wer in (10, 11, 15)]
    lines = chart_data(rows, {row.run: Details() for row in rows})["series"][0]["lines"]
    assert lines["mean"]["nodes"] == [(120, 12)]
    drawn = lines["median"]["nodes"]
    assert ([x for x, _ in drawn], [y for _, y in drawn]) == series(rows)[0].line() == ([110], [11])


def test_every_cost_of_a_run() -> None:
    row = invented("a", "l2", 512, 9.0, am_forward_seconds_per_hour=7.2)
    (run,) = known_runs([row, invented("unscored", "l2", 512, None)], {"a": Details(size=1000)})
    assert dict(run.costs) == {"nodes": 512, "params": 300_000, "macs": 298_000, "latency": 2.0, "bytes": 1000}


def test_the_axis_offers_what_is_known_of_a_run() -> None:
    rows = [invented(name, "l2", 512, 9.0, am_forward_seconds_per_hour=None) for name in "ab"]
    details = {"a": Details(), "b": Details(size=1000)}
    assert list(chart_data(rows, details)["costs"]) == ["nodes", "params", "macs", "bytes"]
    details["b"] = Details()
    assert list(chart_data(rows, details)["costs"]) == ["nodes", "params", "macs"]
    (switch,) = re.findall(r"<legend>against</legend>.*", explorer([FinishedRun(row, None) for row in rows], details))
    assert re.findall(r'value="(\w+)"', switch) == ["nodes", "params", "macs"]


def test_small_networks_trained_from_scratch_are_a_reference() -> None:
    assert takes_widths("dense_small")
    assert not any(map(takes_widths, ("none", "dsd", "group_lasso", "not_installed")))
    rows = [
        invented("o", "none", 1024, 9.0),
        invented("d", "dense_small", 512, 9.0),
        invented("g", "group_lasso", 512, 9.0),
    ]
    looks = chart_data(rows, {row.run: Details() for row in rows})["series"]
    assert {each["name"]: each["dash"] for each in looks} == {
        "dense": "dashed",
        "dense_small": "dotted",
        "group_lasso": "solid",
    }


def test_the_chart_is_strict_json_whatever_is_missing() -> None:
    nothing = {"params": None, "macs_per_frame": float("nan"), "am_forward_seconds_per_hour": None}
    rows = [
        invented("dense", "none", 1024, 10.0, wer_test_low=None, wer_test_high=None),
        invented("a", "l2", None, 11.0, **nothing),
        invented("b", "l2", 512, float("nan")),
    ]
    data = chart_data(rows, {row.run: Details() for row in rows})
    assert json.loads(json.dumps(data, allow_nan=False))["runs"][1]["x"] == {cost.key: None for cost in COSTS}
    assert [run["run"] for run in data["runs"]] == ["dense", "a"]
    assert data["dense"] == [{"wer": 10.0, "low": None, "high": None, "series": "dense", "dash": "dashed"}]
    assert chart_data([], {})["runs"] == []


def test_dense_networks_with_a_teacher_are_points_and_a_line_of_their_own() -> None:
    rows = [
        invented("dense", "none", 1024, 10.0),
        invented("taught", "none", 1024, 8.0, teachers=["dense"]),
        invented("a", "l2", 512, 9.0, teachers=["dense"]),
    ]
    data = chart_data(rows, {row.run: Details() for row in rows})
    names = ["dense", "dense, teacher dense", "l2 (teacher dense)"]
    assert [each["name"] for each in data["series"]] == [run["series"] for run in data["runs"]] == names
    assert [(each["wer"], each["series"]) for each in data["dense"]] == [(10.0, names[0]), (8.0, names[1])]
    assert len({(each["marker"], each["dash"]) for each in data["series"][:2]}) == 2


def test_many_series_look_different() -> None:
    rows = [invented(f"r{i}", "l2", 512, 9.0, variant=f"v{i:02d}") for i in range(60)]
    looks = {(line.colour, line.marker) for line in series(rows)}
    assert len(looks) == 60
    assert {marker for _, marker in looks} <= set(MARKERS)


def test_a_collapsed_network_does_not_flatten_the_rest() -> None:
    rows = [invented(f"r{wer}", "l2", 512, wer) for wer in (9.0, 10.0, 95.0)]
    low, high = chart_data(rows, {row.run: Details() for row in rows})["range"]
    assert low == pytest.approx(5.9, abs=1)
    assert high < 20
