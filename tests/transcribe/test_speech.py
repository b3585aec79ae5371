"""Silence and steady noise are told from speech, at any level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.decode.recognisers import Hypothesis
from asr_prune.hmm.gmm import Floats
from asr_prune.transcribe.speech import SpeechOnly, is_steady

RATE = 16000
TIME = np.arange(5 * RATE) / RATE


def white(level: float, seed: int = 0, seconds: float = 5) -> np.ndarray:
    """Noise at `level` decibels below full scale."""
    return np.random.default_rng(seed).normal(0, 32768 * 10 ** (-level / 20), int(seconds * RATE))


def shaped(level: float, power: float) -> np.ndarray:
    """Noise whose spectrum falls with frequency to this power: 1 pink, 2 brown."""
    spectrum = np.fft.rfft(white(0))
    frequency = np.maximum(np.fft.rfftfreq(len(TIME), 1 / RATE), 20)
    noise = np.fft.irfft(spectrum / frequency ** (power / 2))
    return noise / noise.std() * 32768 * 10 ** (-level / 20)


def hum(level: float, hertz: float = 50) -> np.ndarray:
    return level * (np.sin(2 * np.pi * hertz * TIME) + 0.3 * np.sin(6 * np.pi * hertz * TIME))


STEADY = {
    "zeros": np.zeros(len(TIME)),
    "offset": np.full(len(TIME), 500.0),
    "drift": np.linspace(-2000, 2000, len(TIME)),
    "dither": np.random.default_rng(0).integers(-1, 2, len(TIME)),
    "-90 dB": white(90),
    "-70 dB": white(70),
    "-30 dB": white(30),
    "pink": shaped(50, 1),
    "brown": shaped(50, 2),
    "hum": hum(1000),
    "faint hum": hum(20),
    "60 Hz": hum(300, 60),
    "hum and noise": hum(300) + white(80),
    "click": np.where(TIME == 2, 8000, 0),
}


@pytest.mark.parametrize("name", STEADY)
@pytest.mark.parametrize("offset", [0, -300])
def test_what_is_not_speech(name: str, offset: int) -> None:
    samples = np.round(STEADY[name] + offset).astype(np.float32)
    assert is_steady(samples, RATE)
    assert is_steady(samples[::2].copy(), RATE // 2)


@given(st.floats(0, 100), st.integers(0, 1000), st.floats(1, 30))
def test_noise_is_steady_at_any_level_and_length(level: float, seed: int, seconds: float) -> None:
    assert is_steady(white(level, seed, seconds).round().clip(-32768, 32767).astype(np.float32), RATE)


@given(st.integers(0, 16000), st.integers(8000, 48000))
def test_digital_silence_of_any_length_is_steady(length: int, rate: int) -> None:
    assert is_steady(np.zeros(length, np.float32), rate)


@pytest.mark.parametrize("decibels", [0, -20, -40])
def test_no_utterance_of_an4_is_steady(an4_root: Path, decibels: int) -> None:
    files = sorted((an4_root / "wav/an4test_clstk").rglob("*.flac"))
    assert len(files) == 130
    for file in files:
        samples, rate = soundfile.read(file)
        samples = np.round(samples * 32768 * 10 ** (decibels / 20)).astype(np.float32)
        assert not is_steady(samples, rate), file
        assert not is_steady(samples + 300, rate), file


def test_a_short_word_is_not_judged(an4_root: Path) -> None:
    assert not is_steady(white(20, seconds=0.9).astype(np.float32), RATE)


def one_word(utt: str, loglikes: Floats) -> Hypothesis:
    return Hypothesis(["WORD"], [], [], len(loglikes), True, 0.1)


def test_words_need_frames_that_the_network_does_not_hear_as_silence() -> None:
    """Posteriors are formed with the priors, and all silence pdfs count together."""
    priors = np.log(np.array([0.4, 0.4, 0.2], np.float32))
    recognise = SpeechOnly(one_word, priors, np.array([0, 1], np.int32), 10)
    for speech, words in ((0, []), (9, []), (10, ["WORD"]), (50, ["WORD"])):
        posteriors = np.tile(np.array([0.3, 0.3, 0.4], np.float32), (50, 1))
        posteriors[:speech] = 0.2, 0.2, 0.6
        found = recognise("a", np.log(posteriors) - priors)
        assert (found.words, found.finished, found.frames) == (words, True, 50)
    assert recognise("a", np.full((20, 3), np.nan, np.float32)).words == ["WORD"]
