"""Harder tests than the mean of clean speech: the worst speaker, and speech in noise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asr_prune.integrity import checked
from asr_prune.report.cells import decimals
from asr_prune.report.results import Result
from asr_prune.report.runs import FinishedRun
from asr_prune.run_dir import RunDir

HARD_TITLE = "Harder tests: WER, and that of the worst speaker"
HARD_NOTE = (
    "test_Ndb: the test set with several utterances of train as noise, N dB below the speech, at"
    " the LM weight that dev chose without noise. worst: WER of the speaker for whom it is highest;"
    " on few words of a speaker much of that is chance."
)


@dataclass(frozen=True)
class Hard:
    """WER, its interval and the worst speaker of a set, %; None if there is none."""

    wer: float
    low: float | None
    high: float | None
    worst: float
    speaker: str


@dataclass(frozen=True)
class HardTests:
    """clean: of test, None if that has no WER; noisy: by set, from the least noise to the most."""

    clean: Hard | None = None
    noisy: dict[str, Hard] = field(default_factory=dict)


def read_hard(run: RunDir) -> HardTests:
    """The scores of a run's test sets that can be read; others are left out."""
    clean = run.score("test")
    found = {path.stem.removeprefix("score_"): _read(path) for path in clean.parent.glob(f"{clean.stem}_*db.json")}
    noisy = {name: hard for name, hard in found.items() if hard}
    return HardTests(_read(clean), dict(sorted(noisy.items(), key=lambda pair: -_ratio(pair[0]))))


def _ratio(name: str) -> float:
    """The signal-to-noise ratio in dB that a set's name says."""
    return float(name.removeprefix("test_").removesuffix("db"))


def _read(path: Path) -> Hard | None:
    try:
        stored: dict[str, Any] = json.loads(checked(path).read_text(encoding="utf-8"))
        rates = {name: one["wer"] for name, one in stored["speakers"].items() if one["wer"] is not None}
        speaker = max(rates, key=lambda name: (rates[name], name))
        return Hard(float(stored["wer"]), stored["low"], stored["high"], float(rates[speaker]), speaker)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def with_hard(runs: Sequence[FinishedRun], hard: Mapping[str, HardTests]) -> list[FinishedRun]:
    """`runs` with the worst speaker and the sets with noise; hard: by name of the run."""
    return [replace(run, result=_with(run.result, hard.get(run.result.run, HardTests()))) for run in runs]


def _with(row: Result, hard: HardTests) -> Result:
    noise = {
        f"{name}_{part}": getattr(one, kind)
        for name, one in hard.noisy.items()
        for part, kind in (("wer", "wer"), ("low", "low"), ("high", "high"), ("worst", "worst"))
    }
    if hard.clean is None:
        return replace(row, noise_test=noise)
    return replace(
        row,
        wer_test_worst=hard.clean.worst,
        worst_speaker_test=hard.clean.speaker,
        noise_test=noise,
    )


def _sets(rows: Sequence[Result]) -> list[str]:
    names = {key.removesuffix("_wer") for row in rows for key in row.noise_test if key.endswith("_wer")}
    return sorted(names, key=lambda name: -_ratio(name))


def hard_cells(rows: Sequence[Result]) -> list[list[str]]:
    """A heading, and a row for each run: WER and worst speaker of test and of each set with noise."""
    sets = _sets(rows)
    lines = [["run", "test", "worst", *(word for name in sets for word in (name, "worst"))]]
    for row in rows:
        noisy = [row.noise_test.get(f"{name}_{kind}") for name in sets for kind in ("wer", "worst")]
        cells = [decimals(value, 2) for value in (row.wer_test, row.wer_test_worst, *noisy)]
        lines.append([row.run, *cells])
    return lines
