"""Two scored runs, read and checked to be of one test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asr_prune.errors import UserError
from asr_prune.score.table import read_utterances
from asr_prune.score.wer import Utterance


def read_pair(first: Path, second: Path, name: str) -> tuple[list[Utterance], list[Utterance]]:
    """The utterances of the set `name` in two runs' folders, sorted by name.

    Raises UserError where a file is missing or damaged, or the runs were not scored on the same utterances, speakers
    and references, with the same normalisation and equivalents.
    """
    one, other = (_by_name(folder / f"score_{name}.utts.tsv") for folder in (first, second))
    both = f"{first} and {second}"
    if odd := sorted(one.keys() ^ other.keys()):
        what = f"{len(odd)} utterances are in one alone, {odd[0]} for one"
        raise UserError(f"{both} were scored on different {name} sets: {what}; compare runs of one data directory.")
    _check_settings(both, *(_settings(folder / f"score_{name}.json") for folder in (first, second)))
    if odd := [u for u in sorted(one) if (one[u].speaker, one[u].ref) != (other[u].speaker, other[u].ref)]:
        what = f"the reference or the speaker of {len(odd)} utterances, {odd[0]} for one"
        raise UserError(f"{both} differ in {what}; run the stage score on both with the same data directory.")
    return [one[u] for u in sorted(one)], [other[u] for u in sorted(other)]


def _by_name(path: Path) -> dict[str, Utterance]:
    return {utterance.name: utterance for utterance in read_utterances(path)}


def _settings(path: Path) -> dict[str, Any]:
    """How a set was scored: its normalisation and equivalents."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return {key: read[key] for key in ("normalise", "equivalents")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is missing or damaged ({error}); run the stage score again.") from None


def _check_settings(both: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    for key in one:
        if one[key] != other[key]:
            what = f"score.{key} ({one[key]} and {other[key]})"
            raise UserError(f"{both} were scored with different {what}; run the stage score on both with the same.")
