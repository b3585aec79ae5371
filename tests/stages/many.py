"""The corpus of tones with a test set of 600 utterances, which is decoded in several portions."""

from __future__ import annotations

from pathlib import Path

from asr_prune.corpus.datadir import DataDir
from tests.stages import tiny

TIMES = 150


def prepare(root: Path | None, out: Path, seed: int) -> None:
    """Writes the data of `tiny`; each test recording is TIMES utterances."""
    tiny.prepare(root, out, seed)
    once, data = DataDir.read(out / "test"), DataDir(out / "test")
    for name, i in ((name, i) for name in once.wavs for i in range(TIMES)):
        utt = f"{once.utt2spk[name]}-{i:03d}-{name}"
        data.wavs[utt], data.text[utt], data.utt2spk[utt] = once.wavs[name], once.text[name], once.utt2spk[name]
    data.write()
