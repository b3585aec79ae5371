"""A few minutes of AN4 as a corpus of its own, for the end-to-end test."""

from __future__ import annotations

from pathlib import Path

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.script import load_script

SPEAKERS = {"train": 30, "dev": 4, "test": 6}


def prepare(root: Path | None, out: Path, seed: int) -> None:
    """local/an4.py, with fewer speakers."""
    place = Path(__file__).resolve().parent.parent.parent / "local/an4.py"
    load_script(place).prepare(root, out, seed)
    for part, count in SPEAKERS.items():
        made = DataDir.read(out / part)
        chosen = sorted(set(made.utt2spk.values()))[:count]
        made.subset([utt for utt in made.wavs if made.utt2spk[utt] in chosen], out / part).write()
