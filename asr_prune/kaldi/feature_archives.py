"""The files of a folder of imported features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asr_prune.corpus.datadir import read_table
from asr_prune.corpus.scp import archive_path


def feature_archives(source: Path, parts: Sequence[str]) -> list[Path]:
    """The scp files of a folder of features and the archives that they name."""
    scps = [path for part in parts for name in ("feats.scp", "cmvn.scp") if (path := source / part / name).is_file()]
    archives: set[Path] = set()
    for scp in scps:
        names = {place.rpartition(":")[0] for place in read_table(scp).values()}
        archives |= {Path(archive_path(scp, name)) for name in names}
    return [*scps, *sorted(archives)]
