"""How far a word error rate could have fallen otherwise, had other speakers like these been recorded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_CELLS = 4_000_000  # draws held at once: 32 MB of int64


def _draws(speakers: int, samples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    rows = max(1, _CELLS // speakers)
    for start in range(0, samples, rows):
        yield rng.integers(speakers, size=(min(rows, samples - start), speakers))  # [rows, speakers]


def resampled(errors: np.ndarray, words: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """WER (per cent) of `samples` sets, each of as many speakers as there are, drawn with replacement.

    errors, words: int [speakers], the sums over each speaker's utterances. Returns float64 [<= samples]: a draw without
    a single word has no WER and is left out. The bootstrap of Bisani and Ney (2004), who draw segments, as kaldialign's
    bootstrap_wer_ci does; here speakers are drawn, because the errors of one speaker come together.
    """
    rng = np.random.default_rng(seed)
    sums = [(errors[draw].sum(1), words[draw].sum(1)) for draw in _draws(len(words), samples, rng)]
    wrong, of = (np.concatenate(part) for part in zip(*sums, strict=True))
    return 100.0 * wrong[of > 0] / of[of > 0]


def interval(errors: np.ndarray, words: np.ndarray, samples: int, seed: int) -> tuple[float, float] | None:
    """The 2.5 and 97.5 percentiles of the resampled WER (per cent); None with fewer than two speakers or no samples."""
    if len(words) < 2 or samples == 0:
        return None
    low, high = np.percentile(resampled(errors, words, samples, seed), [2.5, 97.5])
    return float(low), float(high)
