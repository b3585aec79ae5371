"""Sentences about runs whose figures point to a fault rather than to a bad network."""

from __future__ import annotations

from collections.abc import Sequence

from asr_prune.report.results import Result
from asr_prune.score.wer import silence_warning


def remarks(rows: Sequence[Result]) -> list[str]:
    """A sentence for each run that left out (nearly) all words of test."""
    found = []
    for row in rows:
        deleted, words = (row.errors_test or {}).get("del", 0), row.words_test or 0
        if sentence := silence_warning(deleted, words):
            found.append(f"{row.run}, test: {sentence}")
    return found
