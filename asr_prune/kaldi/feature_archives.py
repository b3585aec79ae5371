"""The files of a folder of imported features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asr_prune.corpus.datadir import read_table


def feature_archives(source: Path, parts: Sequence[str]) -> list[Path]:
    """The scp files of a folder of features and the archives that they name."""
    scps = [path for part in parts for name in ("feats.scp", "cmvn.scp") if (path := source / part / name).is_file()]
    return [*scps, *sorted({Path(place.rpartition(":")[0]) for scp in scps for place in read_table(scp).values()})]
