"""How many mel filters a window has room for; read without numpy."""

from __future__ import annotations

from math import log


def most_bins(bins: int, edges: tuple[float, float], rate: int, window: int) -> int:
    """The largest number, up to `bins`, of filters of which each covers a frequency of the Fourier
    transform: Kaldi's MelBanks refuses others.

    edges: lowest and highest frequency, hertz; rate: samples per second; window: samples, which
    are padded to a power of two.
    """
    size = 1 << (window - 1).bit_length()
    mels = [_mel(rate / size * i) for i in range(size // 2)]
    low, high = map(_mel, edges)
    return next((n for n in range(bins, 0, -1) if _all_covered(n, low, (high - low) / (n + 1), mels)), 0)


def _all_covered(bins: int, low: float, step: float, mels: list[float]) -> bool:
    covered = set[int]()
    for mel in mels:
        # filter i reaches from low + i * step to low + (i + 2) * step
        place = (mel - low) / step
        covered.update(i for i in (int(place) - 1, int(place)) if place > 0 and i < place < i + 2)
    return covered >= set(range(bins))


def _mel(hertz: float) -> float:
    return 1127 * log(1 + hertz / 700)
