"""What the features stage makes of archives computed elsewhere: features of every set."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.kaldi.features import take_features

log = logging.getLogger(__name__)


def take_feature_sets(
    source: Path, sets: Sequence[Path], outs: Sequence[Path], kind: str, frame_shift: float
) -> list[Path]:
    """Copies the features of the data directories `sets` from source/<set> into the folders `outs`.

    frame_shift: seconds. Returns the archives after the first of each set. Raises UserError as
    `take_features`, or if the sets differ in columns.
    """
    columns, shards = 0, list[Path]()
    for folder, out in zip(sets, outs, strict=True):
        counts = take_features(source / folder.name, folder, out, frame_shift)
        columns = columns or counts.dim
        if counts.dim != columns:
            what = f"{counts.dim} columns in {folder.name}, {columns} in {sets[0].name}"
            raise UserError(f"{source} holds features of {what}; compute those of all sets alike.")
        size = f"{counts.utterances} utterances, {counts.frames} frames, {counts.hours:.2f} h"
        log.info("  %s, %s of %s: %s, %d skipped", folder, source, kind, size, len(counts.skipped))
        shards += counts.shards
    return shards
