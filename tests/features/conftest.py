"""A small data directory of synthetic voices: harmonics under a moving envelope, with noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.corpus.datadir import DataDir


def voice(seed: int, rate: int = 16000, seconds: float = 0.6) -> np.ndarray:
    """int16 [samples]"""
    dice = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    pitch = 90 + 20 * seed % 100
    tones = sum(np.sin(2 * np.pi * pitch * order * time + dice.uniform(0, 6)) / order for order in range(1, 20))
    return (3000 * tones * (1.2 + np.sin(7 * time)) + dice.normal(0, 100, len(time))).astype(np.int16)


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    made = DataDir(tmp_path / "data")
    for seed, utterance in enumerate(("ann-1", "ann-2", "bob-1", "bob-2", "bob-3")):
        soundfile.write(tmp_path / f"{utterance}.wav", voice(seed, seconds=0.4 + 0.1 * seed), 16000)
        made.wavs[utterance] = str(tmp_path / f"{utterance}.wav")
        made.text[utterance], made.utt2spk[utterance] = ["YES"], utterance[:3]
    made.write()
    return made
