"""A few minutes of AN4 as a corpus of its own, for the end-to-end test."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from asr_prune.corpus.datadir import DataDir

SPEAKERS = {"train": 30, "dev": 4, "test": 6}


def prepare(root: Path | None, out: Path, seed: int) -> None:
    """local/an4.py, with fewer speakers."""
    place = Path(__file__).resolve().parent.parent.parent / "local/an4.py"
    spec = importlib.util.spec_from_file_location("an4", place)
    assert spec is not None
    assert spec.loader is not None
    an4 = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(an4)
    an4.prepare(root, out, seed)
    for part, count in SPEAKERS.items():
        made = DataDir.read(out / part)
        chosen = sorted(set(made.utt2spk.values()))[:count]
        made.subset([utt for utt in made.wavs if made.utt2spk[utt] in chosen], out / part).write()
