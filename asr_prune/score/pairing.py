"""Scored runs, read and checked to be scored on the same test set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr_prune.errors import UserError, counted
from asr_prune.integrity import checked
from asr_prune.score.files import UTTERANCES
from asr_prune.score.table import read_utterances
from asr_prune.score.wer import Utterance

_Utterances = dict[str, Utterance]


@dataclass(frozen=True)
class Scored:
    """A score of `write_score`: its file, how it was made, and its utterances by name."""

    path: Path
    settings: dict[str, Any]
    utterances: _Utterances

    @property
    def in_order(self) -> list[Utterance]:
        """The utterances sorted by name."""
        return [self.utterances[name] for name in sorted(self.utterances)]


def read_scored(path: Path) -> Scored:
    """Reads the score in the file `path` (.json). Raises UserError if a file is missing or damaged."""
    utterances = read_utterances(path.with_suffix(UTTERANCES))
    return Scored(path, _settings(path), {utterance.name: utterance for utterance in utterances})


def check_same_test(one: Scored, other: Scored) -> None:
    """Raises UserError if two scores differ in utterances, speakers, references, normalisation or
    equivalents.
    """
    both = f"{one.path} and {other.path}"
    if odd := sorted(one.utterances.keys() ^ other.utterances.keys()):
        what = f"{counted(odd, 'utterance')} in one of them only, e.g. {odd[0]}"
        raise UserError(f"{both} are of different sets: {what}; compare runs on one set.")
    _check_settings(both, one.settings, other.settings)
    _check_references(both, one.utterances, other.utterances)


def read_pair(first: Path, second: Path) -> tuple[list[Utterance], list[Utterance]]:
    """The utterances of two scores on one test set, each sorted by name. Raises UserError as
    `read_scored` and `check_same_test`.
    """
    one, other = read_scored(first), read_scored(second)
    check_same_test(one, other)
    return one.in_order, other.in_order


def _settings(path: Path) -> dict[str, Any]:
    """The normalisation and equivalents of a score."""
    try:
        stored = json.loads(checked(path).read_text(encoding="utf-8"))
        return {key: stored[key] for key in ("normalise", "equivalents")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is missing or damaged ({error}); rerun the stage score.") from None


def _check_settings(both: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    for key in one:
        if one[key] != other[key]:
            what = f"score.{key} ({one[key]} and {other[key]})"
            fix = "run the stage score on both with the same setting"
            raise UserError(f"{both} were scored with different {what}; {fix}.")


def _check_references(both: str, one: _Utterances, other: _Utterances) -> None:
    pairs = ((name, one[name], other[name]) for name in sorted(one))
    odd = [name for name, a, b in pairs if (a.speaker, a.reference) != (b.speaker, b.reference)]
    if odd:
        what = f"the reference or the speaker of {counted(odd, 'utterance')}, e.g. {odd[0]}"
        fix = "run the stage score on both with the same data directory"
        raise UserError(f"{both} differ in {what}; {fix}.")
