"""What a run's panel shows beside its result: nodes kept, learning curves, speakers, utterances."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

from asr_prune.errors import UserError
from asr_prune.integrity import checked
from asr_prune.report.runs import RunFiles
from asr_prune.score.files import UTTERANCES
from asr_prune.score.table import read_utterances
from asr_prune.score.wer import Utterance

_T = TypeVar("_T")
_Scored = tuple[dict[str, float], list[tuple[str, str, int]]]
#: confusions shown of a run
_CONFUSIONS = 12


@dataclass(frozen=True, kw_only=True)
class Details:
    """A run's files as far as it has them.

    layers: dense and kept nodes of each hidden layer; curves: of each epoch, cross-entropies in
    nats and hidden nodes; speakers: WER of test, %; confusions: reference word, recognised word and
    count; utterances: the alignments of test; size: bytes of the shrunk network's file. Layers and
    size of a run of all folds together are means over the folds.
    """

    layers: list[tuple[float, float]] = field(default_factory=list)
    curves: dict[str, list[float | None]] = field(default_factory=dict)
    speakers: dict[str, float] = field(default_factory=dict)
    confusions: list[tuple[str, str, int]] = field(default_factory=list)
    utterances: list[Utterance] = field(default_factory=list)
    size: int | None = None


def read_details(files: RunFiles, skipped: list[str]) -> Details:
    """The details of a finished run; appends to `skipped` a sentence for each damaged file."""

    def optional(read: Callable[[Path], _T], path: Path, absent: _T) -> _T:
        try:
            return read(path) if path.is_file() else absent
        except (ValueError, KeyError, TypeError, AttributeError, OSError, UserError) as error:
            skipped.append(f"{files.name}: {path.name} is damaged and left out of the page ({error})")
            return absent

    unscored: _Scored = {}, []
    networks = files.folds or (files,)
    speakers, confusions = optional(_read_score, files.score, unscored)
    return Details(
        layers=_mean_layers([optional(_read_layers, own.nodes, []) for own in networks]),
        curves=optional(_read_curves, files.metrics, {}),
        speakers=speakers,
        confusions=confusions,
        utterances=optional(read_utterances, files.score.with_suffix(UTTERANCES), []),
        size=_mean_size([own.network for own in networks]),
    )


def _mean_layers(networks: Sequence[Sequence[tuple[int, int]]]) -> list[tuple[float, float]]:
    """Over networks of as many layers; of others there are none."""
    if len({len(layers) for layers in networks}) > 1:
        return []
    layers = (tuple(zip(*layer, strict=True)) for layer in zip(*networks, strict=True))
    return [(round(fmean(dense), 1), round(fmean(kept), 1)) for dense, kept in layers]


def _mean_size(paths: Sequence[Path]) -> int | None:
    present = [path.stat().st_size for path in paths if path.is_file()]
    return round(fmean(present)) if present and len(present) == len(paths) else None


def _json(path: Path) -> Any:
    return json.loads(checked(path).read_text(encoding="utf-8"))


def _read_layers(path: Path) -> list[tuple[int, int]]:
    return [(int(layer["nodes"]), len(layer["kept"])) for layer in _json(path)["layers"]]


def _read_curves(path: Path) -> dict[str, list[float | None]]:
    lines = checked(path).read_text(encoding="utf-8").splitlines()
    epochs = [json.loads(line) for line in lines if line]
    curves = {key: [_number(epoch.get(key)) for epoch in epochs] for key in ("train_ce", "dev_ce", "nodes")}
    return {"epoch": [_number(epoch["epoch"]) for epoch in epochs], **curves}


def _number(value: object) -> float | None:
    return round(value, 4) if isinstance(value, int | float) and abs(value) < 1e9 else None


def _read_score(path: Path) -> _Scored:
    score = _json(path)
    speakers = score.get("speakers") or {}
    rates = {name: round(row["wer"], 2) for name, row in speakers.items() if row["wer"] is not None}
    confusions = (score.get("confusions") or [])[:_CONFUSIONS]
    return rates, [(ref, hyp, count) for ref, hyp, count in confusions]
