from __future__ import annotations

from pathlib import Path

import kaldi_native_fbank
import numpy as np
import pytest

from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.datadir import DataDir
from asr_prune.features.compute import make_compute
from asr_prune.features.options import FeatureOptions

KINDS = {
    "mfcc": {"type": "mfcc"},
    "mfcc with energy": {"type": "mfcc", "use_energy": True},
    "mfcc, 40 bins": {"type": "mfcc", "bins": 40, "ceps": 40, "low_freq": 40.0, "high_freq": -200.0},
    "fbank": {"type": "fbank", "bins": 40},
    "fbank with energy": {"type": "fbank", "bins": 24, "use_energy": True},
    "fbank, other frames": {"type": "fbank", "frame_length_ms": 20.0, "frame_shift_ms": 8.0},
}


def both(samples: np.ndarray, **settings: object) -> tuple[np.ndarray, np.ndarray]:
    backends = ("native", "torchaudio")
    native, torchaudio = (make_compute(FeatureOptions(backend=name, **settings))(samples) for name in backends)  # type: ignore[arg-type]
    return native, torchaudio


def slow_fbank(samples: np.ndarray, options: FeatureOptions) -> np.ndarray:
    """Kaldi's filterbank from its definition, one frame and one filter at a time, in float64."""
    length, shift = (int(options.rate * ms / 1000) for ms in (options.frame_length_ms, options.frame_shift_ms))
    size = 1 << (length - 1).bit_length()
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / (length - 1))
    low, high = (1127 * np.log(1 + edge / 700) for edge in (options.low_freq, options.top_freq))
    step = (high - low) / (options.bins + 1)
    mel = 1127 * np.log(1 + options.rate / size * np.arange(size // 2) / 700)
    rows = []
    for start in range(0, len(samples) - length + 1, shift):
        frame = samples[start : start + length].astype(np.float64)
        frame -= frame.mean()
        frame = np.append(frame[:1] * (1 - 0.97), frame[1:] - 0.97 * frame[:-1]) * hann**0.85
        power = np.abs(np.fft.rfft(frame, size)[: size // 2]) ** 2
        peaks = low + step * np.arange(1, options.bins + 1)
        filters = [np.maximum(0, 1 - np.abs(mel - peak) / step) for peak in peaks]
        rows.append([np.log(max(filter_ @ power, np.finfo(np.float32).eps)) for filter_ in filters])
    return np.array(rows)


@pytest.mark.torchaudio
@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("kind", KINDS)
def test_both_libraries_give_the_same_numbers(data: DataDir, rate: int, kind: str) -> None:
    for place in data.wavs.values():
        native, torchaudio = both(read_audio(place)[0], rate=rate, **KINDS[kind])
        assert native.shape == torchaudio.shape
        np.testing.assert_allclose(native, torchaudio, atol=2e-3)


@pytest.mark.parametrize("backend", ["native", pytest.param("torchaudio", marks=pytest.mark.torchaudio), "numpy"])
def test_filterbanks_are_those_of_the_definition(data: DataDir, backend: str) -> None:
    options = FeatureOptions(type="fbank", bins=40, backend=backend)  # type: ignore[arg-type]
    samples = read_audio(data.wavs["ann-1"])[0]
    np.testing.assert_allclose(make_compute(options)(samples), slow_fbank(samples, options), atol=2e-3)


def native_and_numpy(samples: np.ndarray, **settings: object) -> tuple[np.ndarray, np.ndarray]:
    native, numpy = (
        make_compute(FeatureOptions(backend=name, **settings))(samples)  # type: ignore[arg-type]
        for name in ("native", "numpy")
    )
    assert (native.shape, native.dtype) == (numpy.shape, numpy.dtype)
    return native, numpy


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("kind", KINDS)
def test_the_numpy_backend_gives_the_numbers_of_kaldi_native_fbank(kind: str, rate: int) -> None:
    noise = np.random.default_rng(rate)
    for scale, offset, size in ((3, 0, 5000), (300, 20, 11111), (9000, -5000, 40000)):
        samples = (noise.normal(offset, scale, size)).round().astype(np.float32)
        np.testing.assert_allclose(*native_and_numpy(samples, rate=rate, **KINDS[kind]), atol=1e-3)


def test_the_numpy_backend_agrees_on_human_speech(an4_root: Path) -> None:
    for path in sorted(an4_root.glob("**/an25*-b.flac"))[:20]:
        for kind, settings in KINDS.items():
            # the lifter multiplies differences of high cepstra by up to 12
            allowed = 2e-3 if kind == "mfcc, 40 bins" else 1e-3
            np.testing.assert_allclose(*native_and_numpy(read_audio(path)[0], **settings), atol=allowed)


def test_the_numpy_backend_cuts_frames_as_kaldi_native_fbank() -> None:
    samples = np.random.default_rng(0).normal(0, 99, 5003).astype(np.float32)
    for length in (10.0, 20.03, 25.0, 32.0, 33.3):
        for shift in (3.33, 8.1, 10.0, 12.5):
            native_and_numpy(samples, frame_length_ms=length, frame_shift_ms=shift)
    for size in (0, 1, 399):
        assert make_compute(FeatureOptions(backend="numpy"))(samples[:size]).shape == (0, 13)


def kaldi_dither(samples: np.ndarray, dither: float) -> np.ndarray:
    """Filterbanks with noise drawn by kaldi-native-fbank, anew for each frame."""
    settings = kaldi_native_fbank.FbankOptions()
    settings.frame_opts.dither = dither
    engine = kaldi_native_fbank.OnlineFbank(settings)
    engine.accept_waveform(16000, samples.tolist())
    return np.array([engine.get_frame(frame) for frame in range(engine.num_frames_ready)])


@pytest.mark.parametrize("backend", ["native", pytest.param("torchaudio", marks=pytest.mark.torchaudio), "numpy"])
def test_dither_is_as_loud_as_kaldi_s_and_the_same_for_the_same_samples(backend: str) -> None:
    silence = np.zeros(160 * 500, np.float32)
    options = FeatureOptions(backend=backend, dither=2.0, type="fbank")  # type: ignore[arg-type]
    compute = make_compute(options)
    made = compute(silence)
    wanted = kaldi_dither(silence, 2.0)
    np.testing.assert_allclose(made.mean(axis=0), wanted.mean(axis=0), atol=0.25)
    np.testing.assert_allclose(made.std(axis=0), wanted.std(axis=0), atol=0.25)
    compute(silence[1:])
    assert np.array_equal(compute(silence), made)
    assert np.array_equal(make_compute(options)(silence), made)
    assert not np.array_equal(compute(silence[160:])[:99], made[:99])


@pytest.mark.torchaudio
def test_both_libraries_agree_on_human_speech(an4_root: Path) -> None:
    (path, *_) = sorted(an4_root.glob("**/an251-fash-b.*"))
    for settings in KINDS.values():
        np.testing.assert_allclose(*both(read_audio(path)[0], **settings), atol=5e-3)


@pytest.mark.torchaudio
@pytest.mark.parametrize("kind", KINDS)
def test_frames_and_columns_are_counted_as_kaldi_counts(kind: str) -> None:
    options = FeatureOptions(**KINDS[kind])  # type: ignore[arg-type]
    length, shift = (int(16 * ms) for ms in (options.frame_length_ms, options.frame_shift_ms))
    for samples in (length - 1, length, length + shift - 1, length + shift, 10000):
        frames = 1 + (samples - length) // shift if samples >= length else 0
        for made in both(np.random.default_rng(0).normal(0, 99, samples).astype(np.float32), **KINDS[kind]):
            assert (made.shape, made.dtype) == ((frames, options.base_dim), np.float32)


@pytest.mark.torchaudio
def test_digital_silence_gives_finite_numbers() -> None:
    for settings in ({"type": "mfcc"}, {"type": "fbank"}, {"type": "mfcc", "use_energy": True}):
        native, torchaudio = both(np.zeros(4000, np.float32), **settings)
        assert np.isfinite(native).all()
        np.testing.assert_allclose(native, torchaudio, atol=1e-3)


@pytest.mark.torchaudio
def test_torch_keeps_its_threads(data: DataDir) -> None:
    import torch

    before = torch.get_num_threads()
    make_compute(FeatureOptions(backend="torchaudio"))(read_audio(data.wavs["ann-1"])[0])
    assert torch.get_num_threads() == before
