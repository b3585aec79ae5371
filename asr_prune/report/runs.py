"""Finished runs read back from their files."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from asr_prune.errors import UserError
from asr_prune.integrity import Damaged, checked
from asr_prune.report.results import Result, finite, is_dense, read_result

_T = TypeVar("_T")


@dataclass(frozen=True)
class RunFiles:
    """A run's name and the paths that the report reads; all but `result` may be absent.

    result: its row of results.json; norms, weights: arrays (.npz); widths: figures of networks cut
    from the run (JSON); before_cut: its network just before the cut; decoded: folder of its words
    of test; verify: how its shrunk network was compared with the masked one (JSON); metrics: a line
    per epoch; nodes: which survived (JSON); score: of test (JSON), its tables beside it; network:
    the shrunk one. former: as in `Result`; folds: of a run of all folds together, those of each.
    """

    name: str
    result: Path
    norms: Path
    weights: Path
    widths: Path
    before_cut: Path
    decoded: Path
    verify: Path
    metrics: Path
    nodes: Path
    score: Path
    network: Path
    former: bool = False
    folds: tuple[RunFiles, ...] = ()


@dataclass(frozen=True)
class Norms:
    """Node norms just before the cut and which nodes survived it; float64 and bool [nodes]."""

    norms: np.ndarray
    kept: np.ndarray


@dataclass(frozen=True)
class Weights:
    """Weight histograms at the ends of a run's phases.

    edges: float64 [bins + 1]; counts: by phase, [bins].
    """

    edges: np.ndarray
    counts: dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class NestedWidth:
    """A network cut from a run's, without training, to the first nodes of each layer.

    width: share of each layer's nodes, 0 to 1; dev_ce: nats per frame; WERs in %.
    """

    width: float
    nodes_per_layer: list[int] | None
    nodes: int
    dev_ce: float
    wer_dev: float
    wer_test: float | None
    wer_test_low: float | None
    wer_test_high: float | None


@dataclass(frozen=True)
class FinishedRun:
    """A run's result and, if it kept them, its node norms, weight histograms and nested widths.

    sampled: a sentence if not all words of its masked and its shrunk network were compared.
    """

    result: Result
    norms: Norms | None
    weights: Weights | None = None
    nested: tuple[NestedWidth, ...] = ()
    sampled: str = ""


def _read_norms(path: Path) -> Norms:
    """Raises ValueError if the arrays do not fit together."""
    with np.load(checked(path), allow_pickle=False) as arrays:
        layers = sorted(int(name.removeprefix("layer")) for name in arrays if name[:5] == "layer")
        norms = [np.asarray(arrays[f"layer{layer}"], float).ravel() for layer in layers]
        kept = [
            np.asarray(arrays[name], bool).ravel() if name in arrays else np.ones(len(part), bool)
            for name, part in zip([f"kept{layer}" for layer in layers], norms, strict=True)
        ]
    if not norms or [len(part) for part in norms] != [len(part) for part in kept]:
        raise ValueError("its layers and survivors differ in length, or there are none")
    return Norms(np.concatenate(norms), np.concatenate(kept))


def _read_weights(path: Path) -> Weights:
    """Raises ValueError if the arrays do not fit together."""
    with np.load(checked(path), allow_pickle=False) as arrays:
        edges = np.asarray(arrays["edges"], float)
        counts = {name: np.atleast_2d(arrays[name]).sum(0) for name in arrays if name != "edges"}
    if not counts or any(len(part) != len(edges) - 1 for part in counts.values()):
        raise ValueError("its edges and counts differ in length, or there are none")
    return Weights(edges, counts)


def _read_nested(path: Path) -> tuple[NestedWidth, ...]:
    """Raises ValueError if the file is not a list of rows with nodes, WERs and a cross-entropy."""
    rows = json.loads(checked(path).read_text(encoding="utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("it is not a list of objects")
    for key in ("width", "nodes", "wer_dev", "dev_ce"):
        if not all(isinstance(row.get(key), int | float) for row in rows):
            raise ValueError(f"{key} is not a number in every row")
    keys = NestedWidth.__dataclass_fields__
    return tuple(NestedWidth(**{key: row.get(key) for key in keys}) for row in rows)


def _read_sampled(path: Path) -> str:
    """Which words of test `verify_run` compared, empty if all. Raises ValueError or KeyError."""
    words = (json.loads(path.read_text(encoding="utf-8")).get("words") or {}).get("test")
    if words is None or words["utterances"] == words["utterances_of"]:
        return ""
    return (
        "words of the masked and the shrunk network compared on a random sample of test:"
        f" {words['utterances']:,} of {words['utterances_of']:,} utterances,"
        f" {words['seconds'] / 60:.0f} of {words['seconds_of'] / 60:.0f} minutes"
    )


def order(row: Result) -> tuple[bool, str, float, str]:
    """Sort key of the tables: dense first, then by method, large to small."""
    return not is_dense(row), row.method, -(finite(row.nodes) or 0), row.run


def read_runs(files: Sequence[RunFiles]) -> tuple[list[FinishedRun], list[str]]:
    """The finished runs among `files` in `order`, and a sentence for each missing or damaged file.

    Raises UserError if no run is finished.
    """
    skipped: list[str] = []
    runs = [run for each in files if (run := _read_run(each, skipped))]
    if not runs:
        count = f" ({len(skipped)} unfinished or damaged)" if skipped else ""
        raise UserError(f"there is no finished run to report{count}; run the stages train to score.")
    return sorted(runs, key=lambda run: order(run.result)), skipped


def _read_run(files: RunFiles, skipped: list[str]) -> FinishedRun | None:
    """The run, or None if it has no valid result; appends to `skipped` what could not be read."""
    name = files.result.name
    try:
        row = replace(read_result(files.result, files.name), former=files.former)
    except FileNotFoundError:
        skipped.append(f"{files.name}: no {name}, the run is not finished")
        return None
    except (ValueError, OSError, Damaged) as error:
        skipped.append(f"{files.name}: {name} is damaged ({error})")
        return None

    def optional(read: Callable[[Path], _T], path: Path, lost: str) -> _T | None:
        try:
            return read(path) if path.exists() else None
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, Damaged) as error:
            skipped.append(f"{files.name}: {path.name} is damaged and left out{lost} ({error})")
            return None

    norms = optional(_read_norms, files.norms, " of the histograms")
    weights = optional(_read_weights, files.weights, " of the histograms")
    nested = optional(_read_nested, files.widths, "") or ()
    return FinishedRun(row, norms, weights, nested, optional(_read_sampled, files.verify, "") or "")
