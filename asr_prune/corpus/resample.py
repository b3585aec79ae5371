"""Audio at another sampling rate, by a windowed sinc."""

from __future__ import annotations

import math

import numpy as np

from asr_prune.process import torch_threads, torchaudio_imports

# torchaudio's defaults: zero crossings on each side, and the cutoff as a part of the Nyquist
# frequency
_CROSSINGS, _ROLLOFF = 6, 0.99
_TABLE = 1 << 20  # taps of torchaudio's table at most, 8 MB; usual rates need 300,000 or fewer
_TAPS = 1 << 20  # that are computed at once where the table would be larger


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """float32 [samples] at `rate` -> at `wanted` hertz, by torchaudio's windowed sinc.

    torchaudio makes a table of all phases of the filter, which for rates without a large common
    divisor fills gigabytes. For those, the same filter is computed block by block; memory is then
    that of the samples and about 50 MB. Raises UserError if torchaudio is needed and cannot be
    loaded.
    """
    divisor = math.gcd(rate, wanted)
    down, up = rate // divisor, wanted // divisor
    if up * (down + 2 * _width(down, up)) > _TABLE:
        return sinc_resampled(samples, down, up)
    import torch

    with torchaudio_imports("resampling"):
        from torchaudio.functional import resample

    with torch_threads(1):  # sums depend on the number of threads; the samples must not
        return np.asarray(resample(torch.from_numpy(samples), rate, wanted).numpy(), dtype=np.float32)


def _width(down: int, up: int) -> int:
    """Input samples on each side of an output sample that count."""
    return math.ceil(_CROSSINGS * down / (min(down, up) * _ROLLOFF))


def sinc_resampled(samples: np.ndarray, down: int, up: int) -> np.ndarray:
    """float32 [samples] -> float32 [ceil(samples * up / down)], for `down` and `up` without a
    common divisor.

    The filter is torchaudio.functional.resample's: with c = 0.99 min(down, up) / down, output n is
    the sum over k of x[k] c sinc(t) cos(pi t / 12)^2, t = c (k - n down / up), |t| < 6.
    """
    width, cutoff = _width(down, up), min(down, up) * _ROLLOFF / down
    taps = np.arange(-width, width + 2)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (width, width + 2)), len(taps))
    result = np.empty(-(-len(samples) * up // down), np.float32)
    block = max(1, _TAPS // len(taps))
    for begin in range(0, len(result), block):
        numbers = np.arange(begin, min(begin + block, len(result)), dtype=np.int64)
        centres, phases = np.divmod(numbers * down, up)
        times = (taps - phases[:, None] / up) * cutoff
        times = times.clip(-_CROSSINGS, _CROSSINGS)
        filters = np.sinc(times) * np.cos(times * (np.pi / (2 * _CROSSINGS))) ** 2
        result[numbers] = cutoff * np.einsum("ij,ij->i", filters, around[centres])
    return result
