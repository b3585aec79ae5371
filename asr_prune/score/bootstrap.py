"""Bootstrap interval of the word error rate over speakers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_CELLS = 4_000_000  # draws held at once: 32 MB of int64


def _draws(speakers: int, samples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    rows = max(1, _CELLS // speakers)
    for start in range(0, samples, rows):
        size = min(rows, samples - start), speakers
        yield rng.integers(speakers, size=size)  # [rows, speakers]


def resampled_wers(errors: np.ndarray, words: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """WER (%) of `samples` sets, each of `speakers` speakers drawn with replacement.

    errors, words: int [speakers], sums over each speaker's utterances. Returns float64
    [<= samples]: a draw without any word has no WER and is left out. The bootstrap of Bisani and
    Ney (2004), who draw segments, as kaldialign's bootstrap_wer_ci does. Here speakers are drawn,
    because the errors of one speaker are correlated.
    """
    rng = np.random.default_rng(seed)
    draws = _draws(len(words), samples, rng)
    sums = [(errors[draw].sum(1), words[draw].sum(1)) for draw in draws]
    error_sums, word_sums = (np.concatenate(part) for part in zip(*sums, strict=True))
    return 100.0 * error_sums[word_sums > 0] / word_sums[word_sums > 0]


def resampled_differences(errors: np.ndarray, words: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """WER of a second run minus that of a first one (%) on the sets that `resampled_wers` draws.

    errors, words: int [2, speakers]; words of the runs differ where references have alternatives.
    Returns float64 [<= samples]: a draw in which one of them has no word is left out.
    """
    rng = np.random.default_rng(seed)
    sums = [(errors[:, draw].sum(2), words[:, draw].sum(2)) for draw in _draws(words.shape[1], samples, rng)]
    error_sums, word_sums = (np.concatenate(part, axis=1) for part in zip(*sums, strict=True))
    both = (word_sums > 0).all(0)
    first, second = 100.0 * error_sums[:, both] / word_sums[:, both]
    return second - first


def interval(
    errors: np.ndarray,
    words: np.ndarray,
    samples: int,
    seed: int,
) -> tuple[float, float] | None:
    """The 2.5 and 97.5 percentiles of the resampled WER, %.

    None for fewer than two speakers or no samples.
    """
    if len(words) < 2 or samples == 0:
        return None
    low, high = np.percentile(resampled_wers(errors, words, samples, seed), [2.5, 97.5])
    return float(low), float(high)
