"""The interval by speaker against a slow loop, and by utterance against kaldialign."""

from __future__ import annotations

import numpy as np
import pytest

from asr_prune.score import bootstrap
from asr_prune.score.bootstrap import interval, resampled_wers

ERRORS = np.array([3, 0, 7, 1, 12])
WORDS = np.array([40, 35, 60, 0, 52])


def slow_resampled(errors: np.ndarray, words: np.ndarray, samples: int, seed: int) -> list[float]:
    draws = np.random.default_rng(seed).integers(len(words), size=(samples, len(words)))
    rates = []
    for draw in draws:
        wrong = of = 0
        for speaker in draw:
            wrong, of = wrong + int(errors[speaker]), of + int(words[speaker])
        if of:
            rates.append(100.0 * wrong / of)
    return rates


def test_equals_the_slow_loop() -> None:
    assert resampled_wers(ERRORS, WORDS, 500, 3).tolist() == pytest.approx(slow_resampled(ERRORS, WORDS, 500, 3))
    assert resampled_wers(ERRORS[2:4], WORDS[2:4], 200, 3).tolist() == pytest.approx(
        slow_resampled(ERRORS[2:4], WORDS[2:4], 200, 3)
    )


def test_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = resampled_wers(ERRORS, WORDS, 101, 5)
    monkeypatch.setattr(bootstrap, "_CELLS", 50)
    assert resampled_wers(ERRORS, WORDS, 101, 5).tolist() == whole.tolist()


def test_seeded_and_around_the_wer() -> None:
    low, high = interval(ERRORS, WORDS, 10_000, 0) or (0, 0)
    assert (low, high) == interval(ERRORS, WORDS, 10_000, 0)
    assert resampled_wers(ERRORS, WORDS, 50, 0).tolist() != resampled_wers(ERRORS, WORDS, 50, 1).tolist()
    assert low < 100 * ERRORS.sum() / WORDS.sum() < high


def test_no_interval_where_there_is_nothing_to_resample() -> None:
    assert interval(ERRORS[:1], WORDS[:1], 1000, 0) is None
    assert interval(ERRORS, WORDS, 0, 0) is None


def test_agrees_with_kaldialign_when_each_utterance_is_a_speaker() -> None:
    kaldialign = pytest.importorskip("kaldialign", reason="kaldialign is not installed")
    rng = np.random.default_rng(7)
    refs = [[f"w{word}" for word in rng.integers(20, size=8)] for _ in range(120)]
    hyps = [[word if rng.random() > 0.15 else "x" for word in ref] for ref in refs]
    theirs = kaldialign.bootstrap_wer_ci([tuple(ref) for ref in refs], [tuple(hyp) for hyp in hyps])
    errors = np.array([sum(r != h for r, h in zip(ref, hyp, strict=True)) for ref, hyp in zip(refs, hyps, strict=True)])
    low, high = interval(errors, np.full(120, 8), 20_000, 0) or (0, 0)
    mean, half = 100 * theirs["wer"], 100 * theirs["ci95"]
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.35)
