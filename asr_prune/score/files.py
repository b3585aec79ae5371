"""The files of a score."""

from __future__ import annotations

from pathlib import Path

#: endings of the tables beside score_<set>.json
SUFFIXES = (".per_utt", ".per_spk", ".errors", ".utts.tsv", ".ref.trn", ".hyp.trn")


def score_files(path: Path) -> list[Path]:
    """All that `write_score` writes to `path`."""
    return [path, *map(path.with_suffix, SUFFIXES)]
