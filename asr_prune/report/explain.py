"""The trail of a run: what its nodes were worth over time, and when and why they went."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.errors import UserError

BARS = "▁▂▃▄▅▆▇█"
ZERO = "·"
#: nodes of a layer that are listed one by one
LISTED = 12


@dataclass(frozen=True)
class Trail:
    """What a run wrote down.

    updates, phases: of each record; scores: for each layer float64 [records, nodes]; layers: those of nodes.json;
    cut_at: the update of the cut; audit: the lines of the method's own log.
    """

    updates: list[int]
    phases: list[str]
    scores: list[np.ndarray]
    layers: list[dict[str, Any]]
    cut_at: int
    audit: list[dict[str, Any]]


def explain(folder: Path, layer: int | None = None, node: int | None = None) -> str:
    """Text on a run, on its hidden layer `layer` (counted from 1), or on that layer's dense node `node` (from 0).

    Raises UserError where the run is not trained, its trail is damaged, or there is no such layer or node.
    """
    trail = read_trail(folder)
    if layer is None:
        if node is not None:
            raise UserError(f"--node {node} needs its layer; add --layer, 1 to {len(trail.layers)}.")
        return _run(folder, trail)
    if not 1 <= layer <= len(trail.layers):
        raise UserError(f"{folder} has no hidden layer {layer}; give --layer from 1 to {len(trail.layers)}.")
    nodes = trail.scores[layer - 1].shape[1]
    if node is None:
        return _layer(trail, layer)
    if not 0 <= node < nodes:
        raise UserError(f"layer {layer} of {folder} has no node {node}; give --node from 0 to {nodes - 1}.")
    return _node(trail, layer, node)


def read_trail(folder: Path) -> Trail:
    """Reads trail.jsonl, nodes.json and attention.jsonl of a run. Raises UserError where they are not whole."""
    for name in ("trail.jsonl", "nodes.json"):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder / name} is missing; give the folder of a run after stage 4 (train), "
                "for instance exp/demo/runs/dense."
            )
    try:
        rows, table = _lines(folder / "trail.jsonl"), json.loads((folder / "nodes.json").read_text(encoding="utf-8"))
        audit = _lines(folder / "attention.jsonl") if (folder / "attention.jsonl").exists() else []
        scores = [np.array(layer, float) for layer in zip(*(row["scores"] for row in rows), strict=True)]
        if not scores or [s.shape[1:] for s in scores] != [(layer["nodes"],) for layer in table["layers"]]:
            raise ValueError("trail.jsonl and nodes.json do not fit together")
        updates, phases = [int(row["update"]) for row in rows], [str(row["phase"]) for row in rows]
        return Trail(updates, phases, scores, table["layers"], int(table["cut_after_update"]), audit)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"the trail in {folder} is damaged ({error}); train the run again.") from error


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def sparkline(values: Sequence[float] | np.ndarray) -> str:
    """One bar a value, as high as its share of the largest; a dot where it is 0."""
    top = max([*map(float, values), 1e-30])
    return "".join(BARS[min(7, int(8 * value / top))] if value > 0 else ZERO for value in values)


def fate(trail: Trail, layer: int, node: int) -> tuple[int | None, str]:
    """After which update a node was gone (None: it was not), and in words why; layer counted from 1."""
    found = trail.layers[layer - 1]
    if str(node) in found["removed_by_the_cut"]:
        score, least = found["removed_by_the_cut"][str(node)], found["lowest_score_kept"]
        told = f"the cut after update {trail.cut_at} removed it: its score {score:.4g} ranked too low"
        return trail.cut_at, told + (f" (the lowest kept here is {least:.4g})" if least is not None else "")
    if node in found["removed_by_the_method"]:
        when = _zero_since(trail.updates, trail.scores[layer - 1][:, node])
        if when is None:
            return trail.cut_at, f"small enough to count as zero at the cut after update {trail.cut_at}"
        return when, f"the method had brought it to zero by update {when}"
    return None, "it survived"


def _zero_since(updates: Sequence[int], scores: np.ndarray) -> int | None:
    """The first record from which on the score is 0; None where the last is not 0."""
    alive = np.flatnonzero(scores > 0)
    first = int(alive[-1]) + 1 if len(alive) else 0
    return updates[first] if first < len(updates) else None


def _when(trail: Trail, layer: int) -> list[int]:
    return sorted(when for node in range(trail.layers[layer - 1]["nodes"]) if (when := fate(trail, layer, node)[0]))


def _timeline(trail: Trail) -> str:
    """`dense 0-40, sparse 40-80`: the phases with their updates."""
    starts = [i for i, phase in enumerate(trail.phases) if i == 0 or phase != trail.phases[i - 1]]
    ends = [*(trail.updates[i] for i in starts[1:]), trail.updates[-1]]
    return ", ".join(f"{trail.phases[i]} {trail.updates[i]}-{end}" for i, end in zip(starts, ends, strict=True))


def _run(folder: Path, trail: Trail) -> str:
    kept, nodes = (sum(len(x["kept"]) for x in trail.layers), sum(x["nodes"] for x in trail.layers))
    lines = [
        f"{folder}: {kept} of {nodes} hidden nodes survive",
        f"updates: {_timeline(trail)}; cut after {trail.cut_at}",
    ]
    lines += ["", "layer  nodes   kept  by method  by cut  mean score over time"]
    for i, (layer, scores) in enumerate(zip(trail.layers, trail.scores, strict=True), 1):
        gone = len(layer["removed_by_the_method"]), len(layer["removed_by_the_cut"])
        means = scores.mean(1)
        told = f"{sparkline(means)}  {means[0]:.3g} -> {means[-1]:.3g}"
        lines.append(f"{i:5d}  {layer['nodes']:5d}  {len(layer['kept']):5d}  {gone[0]:9d}  {gone[1]:6d}  {told}")
    if trail.audit:
        lines += ["", *_audit(trail.audit)]
    return "\n".join(lines)


def _audit(audit: Sequence[dict[str, Any]]) -> list[str]:
    """The method's own log, about ten lines of it."""
    shown = [*audit[:: max(1, -(-len(audit) // 10))], audit[-1]]
    lines = [f"{'update':>7s}  {'phase':12s}  {'sparsity':>8s}  {'asked':>6s}  regrown  dropped  attention by layer"]
    for row in {row["update"]: row for row in shown}.values():
        attention = " ".join(f"{value:.3f}" for value in row["mean_attention"])
        lines.append(
            f"{row['update']:7d}  {row['phase']:12s}  {row['sparsity_reached']:8.4f}  {row['sparsity_asked']:6.4f}"
            f"  {sum(row['regrown']):7d}  {sum(row['dropped']):7d}  {attention}"
        )
    return lines


def _layer(trail: Trail, layer: int) -> str:
    scores, found = trail.scores[layer - 1], trail.layers[layer - 1]
    lines = [
        f"layer {layer}: {len(found['kept'])} of {found['nodes']} nodes survive",
        f"updates: {_timeline(trail)}",
        "",
    ]
    rows = [("largest", scores.max(1)), ("median", np.median(scores, axis=1)), ("smallest", scores.min(1))]
    lines += [f"{name:8s}  {sparkline(row)}  {row[0]:.3g} -> {row[-1]:.3g}" for name, row in rows]
    alive = [*(scores > 0).sum(1)]
    lines.append(f"{'above 0':8s}  {sparkline(alive)}  {alive[0]} -> {alive[-1]}")
    times = _when(trail, layer)
    if not times:
        return "\n".join([*lines, "", "no node went"])
    lines += ["", f"{len(times)} nodes went, between updates {times[0]} and {times[-1]}:"]
    gone = [node for node in range(found["nodes"]) if node not in set(found["kept"])]
    for node in gone[:LISTED]:
        lines.append(f"  node {node:4d}  {sparkline(scores[:, node])}  {fate(trail, layer, node)[1]}")
    lines += [f"  and {len(gone) - LISTED} more; --node tells one"] if len(gone) > LISTED else []
    return "\n".join(lines)


def _node(trail: Trail, layer: int, node: int) -> str:
    scores = trail.scores[layer - 1]
    own = scores[:, node]
    when, why = fate(trail, layer, node)
    lines = [f"layer {layer}, node {node}: {why}", f"score  {sparkline(own)}  {own[0]:.4g} -> {own[-1]:.4g}", ""]
    lines.append(f"{'update':>7s}  {'phase':12s}  {'score':>9s}  rank of {scores.shape[1]}")
    ranks = (scores > own[:, None]).sum(1) + 1
    for update, phase, score, rank in zip(trail.updates, trail.phases, own, ranks, strict=True):
        lines.append(f"{update:7d}  {phase:12s}  {score:9.4g}  {rank:4d}")
        if when is not None and update >= when:
            break
    return "\n".join(lines)
