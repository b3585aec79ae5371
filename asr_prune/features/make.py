"""What the features stage makes: features of every set, of one kind."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from asr_prune.corpus.channels import Channel
from asr_prune.features.extract import extract
from asr_prune.features.options import FeatureOptions

log = logging.getLogger(__name__)


def make_features(
    sets: Sequence[Path],
    outs: Sequence[Path],
    kind: str,
    options: FeatureOptions,
    longest: float,
    nj: int,
    channel: Channel = None,
) -> list[Path]:
    """Computes the features of the data directories `sets` into the folders `outs`.

    kind: for the log; longest: seconds of an utterance at most; channel: as `read_audio`. Returns the
    archives after the first of each set. Raises UserError as `extract`.
    """
    shards = []
    for folder, out in zip(sets, outs, strict=True):
        counts = extract(folder, out, options, nj, longest, channel)
        size = f"{counts.utterances} utterances, {counts.frames} frames, {counts.hours:.2f} h"
        log.info("  %s, %s of %s: %s, %d skipped", folder, options.type, kind, size, len(counts.skipped))
        shards += counts.shards
    return shards
