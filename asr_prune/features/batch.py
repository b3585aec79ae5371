"""MFCC and filterbank features of all frames of an utterance at once, by numpy and scipy.

Follows Kaldi's feature-window.cc, mel-computations.cc, feature-fbank.cc and feature-mfcc.cc with
the defaults of compute-mfcc-feats and compute-fbank-feats. Computes in float64 up to the power
spectrum: quiet filters beside loud ones would lose digits in a float32 Fourier transform.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.fft import rfft

from asr_prune.features.options import FeatureOptions

_PREEMPHASIS = 0.97
_LIFTER = 22.0
_FLOOR = np.finfo(np.float32).eps  # of energies, before the logarithm
_BLOCK = 64  # frames at a time: arrays in the cache, and too small to be mapped anew each time
_BANDS = 3  # groups of neighbouring filters, each multiplied by its part of the spectrum only


def batch_features(options: FeatureOptions) -> Callable[[np.ndarray], np.ndarray]:
    """The function that computes features of samples at `options.rate`.

    It takes samples, float32 [samples] in the range of int16, and returns float32
    [frames, options.base_dim]. Samples that are shorter than a window give 0 frames.
    """
    frames = _Frames(options)
    bands = _bands(mel_filters(options, frames.size))
    cosines = _cosines(options) if options.type == "mfcc" else None

    def compute(samples: np.ndarray) -> np.ndarray:
        power, energy = frames.spectra(samples)
        mel = np.hstack([power[:, part] @ weights for part, weights in bands])
        features = np.log(np.maximum(mel, _FLOOR))
        if cosines is not None:
            features = features @ cosines
        if not options.use_energy:
            return features
        log_energy = np.log(np.maximum(energy, _FLOOR)).astype(np.float32)[:, None]
        return np.hstack([log_energy, features if cosines is None else features[:, 1:]])

    return compute


class _Frames:
    """Frames of samples: without DC offset, pre-emphasised, windowed and Fourier transformed."""

    def __init__(self, options: FeatureOptions) -> None:
        self.length, self.shift = (
            int(np.float32(options.rate) * np.float32(0.001) * np.float32(milliseconds))
            for milliseconds in (options.frame_length_ms, options.frame_shift_ms)
        )
        #: samples of the Fourier transform
        self.size = 1 << (self.length - 1).bit_length()
        self.need_energy = options.use_energy
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.length) / (self.length - 1))
        self.povey = hann**0.85

    def spectra(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Power float32 [frames, size / 2] below half the rate, and energy float64 [frames].

        The energy is that before pre-emphasis and window (Kaldi's --raw-energy); zeros if the
        options do not use it.
        """
        size = len(samples)
        count = 1 + (size - self.length) // self.shift if size >= self.length else 0
        power, energy = np.empty((count, self.size // 2), np.float32), np.zeros(count)
        padded = np.zeros((min(count, _BLOCK), self.size))
        for start in range(0, count, _BLOCK):
            block = slice(start, min(start + _BLOCK, count))
            out = padded[: block.stop - start]
            end = (block.stop - 1) * self.shift + self.length
            span = samples[start * self.shift : end].astype(np.float64)
            energy[block] = self._window(span, out[:, : self.length])
            parts = rfft(out).view(np.float64)[:, :-2]  # real, imaginary, real ...
            np.square(parts, out=parts)
            np.add(parts[:, ::2], parts[:, 1::2], out=power[block], casting="same_kind")
        return power, energy

    def _window(self, span: np.ndarray, out: np.ndarray) -> np.ndarray | float:
        """Writes windowed frames of the samples `span` to `out`, [frames, length].

        Returns the energy of each frame, if the options use it. Pre-emphasis is linear: its result
        for the mean is subtracted afterwards. The first sample of a frame is preceded by itself.
        """
        frames, emphasised = self._cut(span, out.shape), self._cut(_emphasised(span), out.shape)
        mean = frames.mean(axis=1, keepdims=True)
        np.subtract(emphasised, (1 - _PREEMPHASIS) * mean, out=out)
        out[:, 0] = (1 - _PREEMPHASIS) * (frames[:, 0] - mean[:, 0])
        out *= self.povey
        return np.square(frames - mean).sum(axis=1) if self.need_energy else 0.0

    def _cut(self, samples: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """A view of contiguous samples as frames; as_strided is slow to call."""
        step = samples.itemsize
        return np.ndarray(shape, samples.dtype, samples, 0, (self.shift * step, step))


def _emphasised(samples: np.ndarray) -> np.ndarray:
    """Each sample minus 0.97 of the one before it along the last axis."""
    result = samples.copy()
    result[..., 1:] -= _PREEMPHASIS * samples[..., :-1]
    return result


def mel_filters(options: FeatureOptions, size: int) -> np.ndarray:
    """Weights of the power spectrum, float32 [size / 2, bins]; size: of the Fourier transform.

    As Kaldi's MelBanks: each filter rises from the centre of the filter before it to 1 at its
    centre, and falls to the centre of the next one, linearly in mel. In float32 as there: a filter
    of a low frequency has few weights, and some are so small that rounding changes its logarithm.
    """
    hertz = np.array([options.low_freq, options.top_freq], np.float32)
    low, high = _mel(hertz)
    step = (high - low) / np.float32(options.bins + 1)
    edges = low + step * np.arange(options.bins + 2, dtype=np.float32)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    mels = _mel(np.float32(options.rate / size) * np.arange(size // 2, dtype=np.float32))[:, None]
    rising, falling = (mels - left) / (centre - left), (right - mels) / (right - centre)
    return np.maximum(np.minimum(rising, falling), np.float32(0))


def _mel(hertz: np.ndarray) -> np.ndarray:
    return np.float32(1127) * np.log(1 + hertz / np.float32(700))


def _bands(filters: np.ndarray) -> list[tuple[slice, np.ndarray]]:
    """Groups of neighbouring filters: the part of the spectrum that they cover, and their weights.

    Most weights of a filter are zero.
    """
    bands = []
    for group in np.array_split(filters, _BANDS, axis=1):
        used = np.flatnonzero(group.any(axis=1))
        part = slice(used[0], used[-1] + 1) if len(used) else slice(0, 0)
        bands.append((part, np.ascontiguousarray(group[part])))
    return bands


def _cosines(options: FeatureOptions) -> np.ndarray:
    """Discrete cosine transform and lifter, float32 [bins, ceps]."""
    bins, ceps = np.arange(options.bins)[:, None], np.arange(options.ceps)
    transform = np.sqrt(2 / options.bins) * np.cos(np.pi / options.bins * (bins + 0.5) * ceps)
    transform[:, 0] = np.sqrt(1 / options.bins)
    lifter = 1 + 0.5 * _LIFTER * np.sin(np.pi * ceps / _LIFTER)
    return (transform * lifter).astype(np.float32)
