"""The demo corpus's noise: pink or babble, with a random signal-to-noise ratio per utterance."""

from __future__ import annotations

import numpy as np

from .demo_voices import RATE

SNR_DB = (5.0, 20.0)
BABBLE_SHARE = 0.5  # share of the utterances in babble; the others are in pink noise
TALKERS = 4  # voices in babble
PAD_SECONDS = (0.1, 0.3)  # noise without speech, before and after it
PEAK = (0.2, 0.8)  # peak of the mixture relative to full scale


def pink(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise whose power is proportional to 1 / frequency; float64 [samples]."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    return np.fft.irfft(spectrum, samples)


def babble(tracks: list[np.ndarray], samples: int, rng: np.random.Generator) -> np.ndarray:
    """TALKERS of `tracks` (speech, float [any length]) at equal power, from random samples on.

    Returns float64 [samples].
    """
    total = np.zeros(samples)
    for index in rng.choice(len(tracks), TALKERS, replace=False):
        track = tracks[index]
        where = (rng.integers(len(track)) + np.arange(samples)) % len(track)
        total += track[where] / np.sqrt(np.mean(track**2))
    return total


def mix(speech: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """speech + g noise, float64 [samples]; 10 log10(mean speech^2 / mean (g noise)^2) = snr_db."""
    gain = np.sqrt(np.mean(speech**2) / np.mean(noise**2) / 10 ** (snr_db / 10))
    return speech + gain * noise


def degrade(speech: np.ndarray, tracks: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """float [samples] -> int16 [samples + padding]: padding, noise, and a random level."""
    before, after = (rng.uniform(*PAD_SECONDS, 2) * RATE).astype(int)
    padded = np.pad(speech.astype(np.float64), (before, after))
    noise = babble(tracks, len(padded), rng) if rng.random() < BABBLE_SHARE else pink(len(padded), rng)
    mixed = mix(padded, noise, rng.uniform(*SNR_DB))
    return np.round(mixed * (rng.uniform(*PEAK) * 32767 / np.abs(mixed).max())).astype(np.int16)
