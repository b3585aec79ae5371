"""Audio at other rates: torchaudio's values at usual ones, its formula in little memory at others."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.corpus.resample import resampled, sinc_resampled


def noise(length: int) -> np.ndarray:
    return np.random.default_rng(length).normal(0, 3000, length).astype(np.float32)


@pytest.mark.torchaudio
@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 44100, 48000, 88200, 96000])
@pytest.mark.parametrize("wanted", [8000, 16000])
def test_usual_rates_have_the_values_of_torchaudio(rate: int, wanted: int) -> None:
    import torch
    from torchaudio.functional import resample

    samples = noise(rate // 3)
    expected = resample(torch.from_numpy(samples), rate, wanted).numpy()
    np.testing.assert_array_equal(resampled(samples, rate, wanted), expected)


@pytest.mark.torchaudio
@given(st.integers(1, 1200), st.integers(1, 1200), st.integers(1, 3000))
def test_blocks_have_the_values_of_torchaudios_formula(rate: int, wanted: int, length: int) -> None:
    """In float64: its float32 phases are off by 1e-5 themselves."""
    import torch
    from torchaudio.functional import resample

    samples, divisor = noise(length), math.gcd(rate, wanted)
    found = sinc_resampled(samples, rate // divisor, wanted // divisor)
    if rate == wanted:
        return
    expected = resample(torch.from_numpy(samples.astype(np.float64)), rate, wanted).numpy()
    assert len(found) == len(expected)
    assert np.abs(found - expected).max() < 1e-6 * 32768


def test_how_blocks_are_divided_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sinc_resampled(noise(5000), 441, 160)
    monkeypatch.setattr("asr_prune.corpus.resample._TAPS", 700)
    np.testing.assert_array_equal(sinc_resampled(noise(5000), 441, 160), whole)


@pytest.mark.parametrize("rate", [4001, 22254, 44101, 383999])
def test_awkward_rates_take_little_memory(rate: int) -> None:
    time = np.arange(rate) / rate
    tone = (8000 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    tracemalloc.start()
    samples = resampled(tone, rate, 16000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
    expected = 8000 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert np.abs(samples - expected)[200:-200].max() < 40
