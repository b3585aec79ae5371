"""Features of some utterances, in the archives of the sets that they are taken from."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asr_prune.corpus.datadir import read_table, write_table
from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices, write_matrices

log = logging.getLogger(__name__)


def select_features(sources: Sequence[Path], sets: Sequence[Path], outs: Sequence[Path]) -> None:
    """Writes, for each data directory of `sets`, what `extract` would: feats.scp, whose entries lie
    in the archives of `sources`, and cmvn.{ark,scp}.

    sources: folders that `extract` wrote; outs: one for each set. A speaker's statistics are the
    sums of those in the sources, so all of the speaker's utterances must be in one set. Raises
    UserError if no utterance of a set has features, or a file is missing or damaged.
    """
    entries: dict[str, str] = {}
    for source in sources:
        entries |= read_table(source / "feats.scp")
    stats = _statistics(sources)
    for folder, out in zip(sets, outs, strict=True):
        utt2spk = read_table(folder / "utt2spk")
        found = {utt: entries[utt] for utt in utt2spk if utt in entries}
        if not found:
            raise UserError(f"no utterance of {folder} has features; run the features stage again.")
        write_table(out / "feats.scp", found)
        speakers = sorted({utt2spk[utt] for utt in found}, key=str.encode)
        write_matrices(out / "cmvn", ((speaker, stats[speaker]) for speaker in speakers))
        log.info("  %s: %d utterances, %d without features", folder, len(found), len(utt2spk) - len(found))


def _statistics(sources: Sequence[Path]) -> dict[str, np.ndarray]:
    """CMVN statistics of each speaker, float64 [2, dim + 1]."""
    stats: dict[str, np.ndarray] = {}
    for source in sources:
        for speaker, own in read_matrices(source / "cmvn.scp"):
            stats[speaker] = stats[speaker] + own if speaker in stats else own
    return stats
