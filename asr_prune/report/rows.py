"""Reading what finished runs left behind."""

from __future__ import annotations

import json
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.errors import UserError

Row = dict[str, Any]

_KEYS = """
run recipe method vectors strength keep_asked converged seed hidden_layers nodes_per_layer nodes nodes_dense
params params_dense macs_per_frame macs_dense nonzero_weights norm_mass_removed
dev_ce_before_cut dev_ce_after_cut dev_ce_final frame_accuracy_dev
wer_dev wer_test wer_test_low wer_test_high wer_raw_test wer_test_tuned words_test errors_test
rtf_decode am_forward_seconds_per_hour train_seconds train_seconds_per_epoch commit command
"""
_NUMBERS = """
strength keep_asked sparsity_asked nodes nodes_dense params macs_per_frame nonzero_weights norm_mass_removed
dev_ce_before_cut dev_ce_after_cut dev_ce_final wer_dev wer_test wer_test_low wer_test_high train_seconds
"""
#: The keys of a row of results.json, in the order of its columns; a run may add more.
KEYS = _KEYS.split()
#: Those that the report computes with.
NUMBERS = _NUMBERS.split()


@dataclass(frozen=True)
class Norms:
    """Node norms just before the cut and which nodes survived it, all hidden layers; float64 and bool [nodes]."""

    norms: np.ndarray
    kept: np.ndarray


@dataclass(frozen=True)
class Weights:
    """Histograms of all weights at the ends of a run's phases: edges float64 [bins + 1]; counts by phase, [bins]."""

    edges: np.ndarray
    counts: dict[str, np.ndarray]


@dataclass(frozen=True)
class Run:
    """A row of results.json and, where the run kept them, its node norms and the histograms of its weights.

    nested: rows of widths.json, the figures of networks cut from the run without training (`asr-prune widths`).
    """

    row: Row
    norms: Norms | None
    weights: Weights | None = None
    nested: tuple[Row, ...] = ()


def is_dense(row: Row) -> bool:
    """Whether the run pruned nothing: the reference of the others."""
    return bool(row["method"] == "none")


def number(row: Row, key: str) -> float | None:
    """The value of `key`; None where it is absent, null or not finite."""
    value = row.get(key)
    return float(value) if value is not None and math.isfinite(value) else None


def _read_row(folder: Path) -> Row:
    """Raises ValueError where result.json cannot be a row."""
    row = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    if not isinstance(row, dict) or not isinstance(row.get("method"), str):
        raise ValueError("it is not an object with a method")
    for key in NUMBERS:
        if row.get(key) is not None and (isinstance(row[key], bool) or not isinstance(row[key], int | float)):
            raise ValueError(f"{key} is {row[key]!r} and not a number")
    if not isinstance(row.get("nodes_per_layer") or [], list):
        raise ValueError("nodes_per_layer is not a list")
    return {"run": folder.name, **row}


def _read_norms(path: Path) -> Norms | None:
    """Raises ValueError where the arrays do not fit together."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        layers = sorted((name for name in arrays if name.startswith("layer")), key=lambda name: int(name[5:]))
        norms = [np.asarray(arrays[name], float).ravel() for name in layers]
        kept = [
            np.asarray(arrays[name], bool).ravel() if name in arrays else np.ones(len(part), bool)
            for name, part in zip([f"kept{name[5:]}" for name in layers], norms, strict=True)
        ]
    if not norms or [len(part) for part in norms] != [len(part) for part in kept]:
        raise ValueError("its layers and survivors differ in length, or there are none")
    return Norms(np.concatenate(norms), np.concatenate(kept))


def _read_nested(path: Path) -> tuple[Row, ...]:
    """Raises ValueError where widths.json is not a list of rows with nodes, a WER and a cross-entropy."""
    if not path.exists():
        return ()
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("it is not a list of objects")
    for key in ("width", "nodes", "wer_dev", "wer_test", "dev_ce"):
        if not all(isinstance(row.get(key), int | float) for row in rows):
            raise ValueError(f"{key} is not a number in every row")
    return tuple(rows)


def _read_weights(path: Path) -> Weights | None:
    """Raises ValueError where the arrays do not fit together."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        edges = np.asarray(arrays["edges"], float)
        counts = {name: np.atleast_2d(arrays[name]).sum(0) for name in arrays if name != "edges"}
    if not counts or any(len(part) != len(edges) - 1 for part in counts.values()):
        raise ValueError("its edges and counts differ in length, or there are none")
    return Weights(edges, counts)


def order(row: Row) -> tuple[bool, str, float, str]:
    """Sort key of people's tables: dense first, then by method, large to small."""
    return not is_dense(row), row["method"], -(number(row, "nodes") or 0), str(row["run"])


def read_runs(exp: Path) -> tuple[list[Run], list[str]]:
    """All runs under exp/runs in `order`, and a sentence for each file that is missing or damaged.

    Raises UserError where no run is finished.
    """
    runs, skipped = [], []
    for folder in sorted(path for path in exp.glob("runs/*") if path.is_dir()):
        try:
            row = _read_row(folder)
        except FileNotFoundError:
            skipped.append(f"{folder.name}: no result.json, the run is not finished")
            continue
        except (ValueError, OSError) as error:
            skipped.append(f"{folder.name}: result.json is damaged ({error})")
            continue
        try:
            norms = _read_norms(folder / "norms.npz")
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            skipped.append(f"{folder.name}: norms.npz is damaged and left out of the histograms ({error})")
            norms = None
        try:
            weights = _read_weights(folder / "weights.npz")
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            skipped.append(f"{folder.name}: weights.npz is damaged and left out of the histograms ({error})")
            weights = None
        try:
            nested = _read_nested(folder / "widths.json")
        except (ValueError, OSError) as error:
            skipped.append(f"{folder.name}: widths.json is damaged and left out ({error})")
            nested = ()
        runs.append(Run(row, norms, weights, nested))
    if not runs:
        found = f" ({len(skipped)} unfinished or damaged)" if skipped else ""
        raise UserError(
            f"there is no finished run to report under {exp / 'runs'}{found};"
            " stages 4 (train) to 8 (score) make them, so run those first."
        )
    return sorted(runs, key=lambda run: order(run.row)), skipped
