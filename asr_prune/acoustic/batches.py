"""Utterances that a network evaluates together; without torch, which not every stage loads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

#: frames that are evaluated at once
FRAMES_A_BATCH = 16384


def utterance_batches(lengths: Mapping[str, int], limit: int = FRAMES_A_BATCH) -> Iterator[list[str]]:
    """Batches of at most `limit` frames, or of one utterance, sorted by name. lengths: frames."""
    names: list[str] = []
    frames = 0
    for name in sorted(lengths):
        if names and frames + lengths[name] > limit:
            yield names
            names, frames = [], 0
        names.append(name)
        frames += lengths[name]
    if names:
        yield names
