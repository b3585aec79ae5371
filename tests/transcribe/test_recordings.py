"""Audio files cut into pieces: what is shorter than a window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.errors import UserError
from asr_prune.features.options import FeatureOptions
from asr_prune.transcribe.recordings import AudioReader

RATE = 16000


@pytest.mark.parametrize("samples", [60, 300])
def test_a_rest_shorter_than_a_window_loses_itself_alone(tmp_path: Path, samples: int) -> None:
    rng, times = np.random.default_rng(0), np.arange(33 * RATE) / RATE
    speech = 0.1 * rng.standard_normal(len(times)) * (np.sin(3 * np.pi * times) > 0)
    rest = 0.1 * rng.standard_normal(samples)
    read = AudioReader(FeatureOptions(), None, 30.0)
    soundfile.write(tmp_path / "a.wav", np.concatenate([speech, np.zeros(3 * RATE - 600), rest]), RATE)
    recording = read(str(tmp_path / "a.wav"))
    assert recording.seconds == pytest.approx(36, abs=0.1)
    assert recording.feats
    assert all(map(len, recording.feats.values()))
    soundfile.write(tmp_path / "b.wav", rest, RATE)
    with pytest.raises(UserError, match=f"{samples} samples are less than one window"):
        read(str(tmp_path / "b.wav"))
