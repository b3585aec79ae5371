"""The files of a folder of imported features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asr_prune.corpus.datadir import read_table
from asr_prune.corpus.scp import archive_path
from asr_prune.features.places import Place


def feature_archives(source: Path, parts: Sequence[str]) -> list[Path]:
    """The scp files of a folder of features and the archives that they name."""
    scps = [path for part in parts for name in ("feats.scp", "cmvn.scp") if (path := source / part / name).is_file()]
    archives: set[Path] = set()
    for scp in scps:
        names = {Place.parse(scp, key, entry).archive for key, entry in read_table(scp).items()}
        archives |= {Path(archive_path(scp, name)) for name in names}
    return [*scps, *sorted(archives)]
