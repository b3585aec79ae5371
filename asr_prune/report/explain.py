"""The history of a run's nodes: their scores over time, and when and why each was removed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.errors import UserError
from asr_prune.integrity import checked
from asr_prune.pruning.audit_table import AuditTable
from asr_prune.pruning.registry import audit_tables
from asr_prune.report.course import cut_verdict, taught
from asr_prune.run_dir import RunDir

_BARS = "▁▂▃▄▅▆▇█"
_ZERO = "·"
#: nodes of a layer that are listed one by one
_LISTED = 12
#: lines shown of a method's own log
_AUDITED = 10


@dataclass(frozen=True)
class Trail:
    """The records of a run.

    updates, phases: of each record; scores: for each layer float64 [records, nodes]; layers: those
    of nodes.json; cut_at: the update before the cut; audits: the logs that the method kept, each
    with how it is shown; inputs: the same of the coefficients of the input, {} if all were kept.
    """

    updates: list[int]
    phases: list[str]
    scores: list[np.ndarray]
    layers: list[dict[str, Any]]
    cut_at: int
    audits: list[tuple[AuditTable, list[dict[str, Any]]]]
    inputs: dict[str, Any] = field(default_factory=dict)


def explain(run: RunDir, layer: int | None = None, node: int | None = None) -> str:
    """Text about a run, its hidden layer `layer` (counted from 1), or a dense `node` of it (from
    0).

    Raises UserError if the run is not trained, its trail is damaged, or there is no such layer or
    node.
    """
    trail = read_trail(run)
    if layer is None:
        if node is not None:
            raise UserError(f"--node {node} needs its layer; add --layer, 1 to {len(trail.layers)}.")
        return _run(run.path, trail)
    if not 1 <= layer <= len(trail.layers):
        raise UserError(f"{run.path} has no hidden layer {layer}; give --layer from 1 to {len(trail.layers)}.")
    nodes = trail.scores[layer - 1].shape[1]
    if node is None:
        return _layer(trail, layer)
    if not 0 <= node < nodes:
        raise UserError(f"layer {layer} of {run.path} has no node {node}; give --node from 0 to {nodes - 1}.")
    return _node(trail, layer, node)


def read_trail(run: RunDir) -> Trail:
    """Reads trail.jsonl, nodes.json and the method's log of a run.

    Raises UserError if the first two are missing, or a file is damaged.
    """
    for path in (run.trail, run.nodes):
        if not path.is_file():
            raise UserError(
                f"{path} is missing; give the folder of a run after the train stage, for instance exp/demo/runs/dense."
            )
    try:
        return _read(run)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"the trail in {run.path} is damaged ({error}); train the run again.") from error


def _read(run: RunDir) -> Trail:
    rows, nodes = _lines(run.trail), json.loads(checked(run.nodes).read_text(encoding="utf-8"))
    values = zip(*(row["scores"] for row in rows), strict=True)
    scores = [np.array(layer, float) for layer in values]
    if not scores or [s.shape[1:] for s in scores] != [(layer["nodes"],) for layer in nodes["layers"]]:
        raise ValueError(f"{run.trail.name} and {run.nodes.name} do not fit together")
    tables = [(run.path / name, table) for name, table in audit_tables().items()]
    audits = [(table, _lines(path)) for path, table in tables if path.is_file()]
    updates, phases = [int(row["update"]) for row in rows], [str(row["phase"]) for row in rows]
    return Trail(
        updates,
        phases,
        scores,
        nodes["layers"],
        int(nodes["cut_after_update"]),
        audits,
        nodes.get("inputs", {}),
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in checked(path).read_text(encoding="utf-8").splitlines()]


def sparkline(values: Sequence[float] | np.ndarray) -> str:
    """One bar per value, as high as its fraction of the largest; a dot for 0."""
    top = max([*map(float, values), 1e-30])
    return "".join(_BARS[min(7, int(8 * value / top))] if value > 0 else _ZERO for value in values)


def fate(trail: Trail, layer: int, node: int) -> tuple[int | None, str]:
    """The update after which a node was removed (None: it was kept), and why; layer counted from
    1.
    """
    facts = trail.layers[layer - 1]
    if str(node) in facts["removed_by_the_cut"]:
        score, least = facts["removed_by_the_cut"][str(node)], facts["lowest_score_kept"]
        text = f"the cut after update {trail.cut_at} removed it: its score {score:.4g} ranked too low"
        return trail.cut_at, text + (f" (the lowest kept here is {least:.4g})" if least is not None else "")
    if node in facts["removed_by_the_method"]:
        when = _zero_since(trail.updates, trail.scores[layer - 1][:, node])
        if when is None:
            return (
                trail.cut_at,
                f"small enough to count as zero at the cut after update {trail.cut_at}",
            )
        return when, f"the method had brought it to zero by update {when}"
    return None, "it was kept"


def _zero_since(updates: Sequence[int], scores: np.ndarray) -> int | None:
    """The first record from which on the score is 0; None if the last is not 0."""
    alive = np.flatnonzero(scores > 0)
    first = int(alive[-1]) + 1 if len(alive) else 0
    return updates[first] if first < len(updates) else None


def _removals(trail: Trail, layer: int) -> list[int]:
    nodes = range(trail.layers[layer - 1]["nodes"])
    return sorted(when for node in nodes if (when := fate(trail, layer, node)[0]) is not None)


def _timeline(trail: Trail) -> str:
    """`dense 0-40, sparse 40-80`: the phases with their updates."""
    starts = [i for i, phase in enumerate(trail.phases) if i == 0 or phase != trail.phases[i - 1]]
    ends = [*(trail.updates[i] for i in starts[1:]), trail.updates[-1]]
    pairs = zip(starts, ends, strict=True)
    return ", ".join(f"{trail.phases[i]} {trail.updates[i]}-{end}" for i, end in pairs)


def _run(folder: Path, trail: Trail) -> str:
    kept, nodes = (sum(len(x["kept"]) for x in trail.layers), sum(x["nodes"] for x in trail.layers))
    lines = [
        f"{folder}: {kept} of {nodes} hidden nodes kept",
        f"updates: {_timeline(trail)}; cut after {trail.cut_at}",
        *taught(RunDir(folder)),
        *cut_verdict(RunDir(folder)),
    ]
    lines += ["", "layer  nodes   kept  by method  by cut  mean score over time"]
    for i, (layer, scores) in enumerate(zip(trail.layers, trail.scores, strict=True), 1):
        gone = len(layer["removed_by_the_method"]), len(layer["removed_by_the_cut"])
        means = scores.mean(1)
        curve = f"{sparkline(means)}  {means[0]:.3g} -> {means[-1]:.3g}"
        lines.append(f"{i:5d}  {layer['nodes']:5d}  {len(layer['kept']):5d}  {gone[0]:9d}  {gone[1]:6d}  {curve}")
    if trail.inputs:
        kept, size = len(trail.inputs["kept"]), trail.inputs["nodes"]
        lines += [
            "",
            f"input: {kept} of {size} coefficients of the spliced frame kept; nodes.json lists them",
        ]
    for table, rows in trail.audits:
        lines += ["", *_audit(table, rows)]
    return "\n".join(lines)


def _audit(table: AuditTable, rows: Sequence[dict[str, Any]]) -> list[str]:
    """The method's own log, about ten lines of it."""
    shown = [*rows[:: max(1, -(-len(rows) // _AUDITED))], *rows[-1:]]
    return [
        table.header,
        *(table.line(row) for row in {row["update"]: row for row in shown}.values()),
    ]


def _layer(trail: Trail, layer: int) -> str:
    scores, facts = trail.scores[layer - 1], trail.layers[layer - 1]
    lines = [
        f"layer {layer}: {len(facts['kept'])} of {facts['nodes']} nodes kept",
        f"updates: {_timeline(trail)}",
        "",
    ]
    rows = [
        ("largest", scores.max(1)),
        ("median", np.median(scores, axis=1)),
        ("smallest", scores.min(1)),
    ]
    lines += [f"{name:8s}  {sparkline(row)}  {row[0]:.3g} -> {row[-1]:.3g}" for name, row in rows]
    alive = [*(scores > 0).sum(1)]
    lines.append(f"{'above 0':8s}  {sparkline(alive)}  {alive[0]} -> {alive[-1]}")
    times = _removals(trail, layer)
    if not times:
        return "\n".join([*lines, "", "no node was removed"])
    lines += ["", f"{len(times)} nodes were removed, between updates {times[0]} and {times[-1]}:"]
    gone = [node for node in range(facts["nodes"]) if node not in set(facts["kept"])]
    for node in gone[:_LISTED]:
        lines.append(f"  node {node:4d}  {sparkline(scores[:, node])}  {fate(trail, layer, node)[1]}")
    lines += [f"  and {len(gone) - _LISTED} more; --node shows one of them"] if len(gone) > _LISTED else []
    return "\n".join(lines)


def _node(trail: Trail, layer: int, node: int) -> str:
    scores = trail.scores[layer - 1]
    values = scores[:, node]
    when, why = fate(trail, layer, node)
    lines = [f"layer {layer}, node {node}: {why}"]
    lines += [f"score  {sparkline(values)}  {values[0]:.4g} -> {values[-1]:.4g}", ""]
    lines.append(f"{'update':>7s}  {'phase':12s}  {'score':>9s}  rank of {scores.shape[1]}")
    ranks = (scores > values[:, None]).sum(1) + 1
    for update, phase, score, rank in zip(trail.updates, trail.phases, values, ranks, strict=True):
        lines.append(f"{update:7d}  {phase:12s}  {score:9.4g}  {rank:4d}")
        if when is not None and update >= when:
            break
    return "\n".join(lines)
