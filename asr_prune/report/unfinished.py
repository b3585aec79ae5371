"""How far a run is that has no result yet, or that never has one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import yaml

from asr_prune.errors import UserError
from asr_prune.run_dir import RunDir, decode_info
from asr_prune.text import file_lines


def how_far(run: RunDir) -> str:
    """The last stage that a run has finished, in words, or the epoch that its training is at."""
    if run.result.is_file():
        return "finished"
    if decode_info(run.decoded("test")).is_file():
        return "decoded, not scored"
    if run.vosk.is_file():
        return "finished: its words are compared with the original's"
    if run.shrunk.is_file():
        return "trained and shrunk, not decoded"
    if run.train.is_file():
        return "trained, not shrunk"
    done, of = len(epochs(run)), asked_epochs(run)
    return f"training: {done} of {of} epochs" if of else "not begun"


def epochs(run: RunDir) -> list[dict[str, Any]]:
    """The figures of each epoch of a training so far; none where a line is damaged."""
    try:
        rows = [json.loads(line) for line in file_lines(run.metrics)]
    except (OSError, ValueError):
        return []
    return [row for row in rows if isinstance(row, dict)]


def asked_epochs(run: RunDir) -> int | None:
    """How many epochs the run is trained; None if its recipe.yaml does not say."""
    asked = _asked(run, "train", "epochs")
    return asked if isinstance(asked, int) else None


def is_imported(run: RunDir) -> bool:
    """Whether its network is made from an imported model, whose outputs it learns."""
    return bool(_asked(run, "network", "model"))


def refuse_imported(runs: Iterable[RunDir]) -> None:
    """Raises UserError for the first run of an imported model, which no stage scores."""
    for run in filter(is_imported, runs):
        how = f"asr-prune report --recipe recipes/{run.path.resolve().parents[1].name}"
        raise UserError(f"{run.path} is of an imported model, compared with the original alone; print its table: {how}")


def _asked(run: RunDir, block: str, key: str) -> Any:
    """A value of a run's recipe.yaml, None if it does not say."""
    try:
        return yaml.safe_load(run.recipe.read_text(encoding="utf-8"))[block][key]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return None
