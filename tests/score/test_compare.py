"""The paired bootstrap against a slow loop, and the text on two runs."""

from __future__ import annotations

import numpy as np
import pytest

from asr_prune.score.compare import compare, format_comparison, improvement

from .conftest import Made

FIRST, SECOND = [3, 0, 7, 1, 12], [2, 1, 7, 0, 10]
ERRORS, WORDS = np.array([FIRST, SECOND]), np.array([[40, 35, 60, 5, 52]] * 2)
#: alternatives of unequal length in the references
UNLIKE = np.array([[40, 35, 60, 5, 52], [38, 35, 61, 4, 52]])


def slow(words: np.ndarray, samples: int, seed: int) -> tuple[float, float, list[float]]:
    better = same = 0
    rates = []
    for draw in np.random.default_rng(seed).integers(5, size=(samples, 5)):
        wrong, of = [0, 0], [0, 0]
        for speaker in draw:
            for run in (0, 1):
                wrong[run] += int(ERRORS[run, speaker])
                of[run] += int(words[run, speaker])
        one, two = 100 * wrong[0] / of[0], 100 * wrong[1] / of[1]
        better, same = better + (two < one), same + (one == two)
        rates.append(two - one)
    return better / samples, same / samples, rates


@pytest.mark.parametrize("words", [WORDS, UNLIKE])
def test_equals_the_slow_loop(words: np.ndarray) -> None:
    output = improvement(ERRORS, words, 700, 3)
    assert output
    better, same, rates = slow(words, 700, 3)
    assert (output.improvement, output.tie, output.speakers) == (better, same, 5)
    assert (output.low, output.high) == pytest.approx(tuple(np.percentile(rates, [2.5, 97.5])))


def test_the_other_way_round_the_shares_change_places() -> None:
    one, other = improvement(ERRORS, WORDS, 500, 1), improvement(ERRORS[::-1], WORDS, 500, 1)
    assert one
    assert other
    assert one.improvement + other.improvement + one.tie == pytest.approx(1)
    assert one.tie == other.tie


def test_one_speaker_or_no_sample_has_no_probability() -> None:
    assert improvement(ERRORS[:, :1], WORDS[:, :1], 100, 0) is None
    assert improvement(ERRORS, WORDS, 0, 0) is None


def test_the_better_recogniser_is_reported(recognised: Made) -> None:
    first, second = (recognised.score(hyps).utterances for hyps in (recognised.first, recognised.second))
    output = compare(first, second, 500, 0)
    assert output.counts[1].errors < output.counts[0].errors
    assert output.resampled
    assert output.resampled.low <= output.difference <= output.resampled.high < 0
    assert output.resampled.improvement > 0.95
    assert sum(output.utterances) == 300
    text = format_comparison(("exp/one", "exp/two"), output)
    assert f"exp/one  WER  {output.counts[0].wer:.2f}  {output.counts[0].errors} errors in" in text
    assert "a difference at the 0.05 level" in text
    assert "few segments" not in text
    assert compare(first, second, 500, 0) == output


def test_a_run_does_not_differ_from_itself(recognised: Made) -> None:
    utterances = recognised.score(recognised.first).utterances
    output = compare(utterances, utterances, 100, 0)
    assert (output.difference, output.utterances, output.mapsswe.p) == (0.0, (0, 300, 0), 1.0)
    assert output.resampled
    assert (output.resampled.improvement, output.resampled.tie) == (0.0, 1.0)


def test_few_segments_and_one_speaker_are_reported(recognised: Made) -> None:
    first, second = (recognised.score(hyps).utterances for hyps in (recognised.first, recognised.second))
    ours = [u.name for u in first if u.speaker == "s0"]
    text = format_comparison(
        ("a", "b"), compare(*([u for u in side if u.name in ours] for side in (first, second)), 100, 0)
    )
    assert "it needs two speakers" in text
    assert "few segments: below 50" in text
    with pytest.raises(ValueError, match="same utterances"):
        compare(first, second[1:], 100, 0)
