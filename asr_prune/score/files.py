"""The files of a score."""

from __future__ import annotations

from pathlib import Path

#: suffix of the table that `read_utterances` reads
UTTERANCES = ".utts.tsv"
#: suffixes of the files next to the JSON file of a score
SUFFIXES = (".per_utt", ".per_spk", ".errors", UTTERANCES, ".ref.trn", ".hyp.trn")


def score_files(path: Path) -> list[Path]:
    """All files that `write_score` writes for `path`."""
    return [path, *map(path.with_suffix, SUFFIXES)]
