"""The files of a score."""

from __future__ import annotations

from pathlib import Path

#: ending of the table of utterances
UTTERANCES = ".utts.tsv"
#: endings of all tables beside score_<set>.json
SUFFIXES = (".per_utt", ".per_spk", ".errors", UTTERANCES, ".ref.trn", ".hyp.trn")


def score_files(path: Path) -> list[Path]:
    """All that `write_score` writes to `path`."""
    return [path, *map(path.with_suffix, SUFFIXES)]
