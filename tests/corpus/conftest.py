"""A small sound data directory that the tests then spoil."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.corpus.datadir import DataDir


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """Two speakers with three utterances each: half a second of noise at 16 kHz, written as WAV."""
    made = DataDir(tmp_path / "data")
    noise = np.random.default_rng(0).normal(0, 3000, 8000).astype(np.int16)
    for speaker in ("ann", "bob"):
        for number in (1, 2, 3):
            utterance = f"{speaker}-{number}"
            soundfile.write(tmp_path / f"{utterance}.wav", noise, 16000)
            made.wavs[utterance] = str(tmp_path / f"{utterance}.wav")
            made.text[utterance] = ["YES", "NO"][: number % 2 + 1]
            made.utt2spk[utterance] = speaker
    made.write()
    return made
