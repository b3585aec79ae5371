"""Priors of tokens against a count by hand, and a slow loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.decode.token_priors import token_log_priors

sentences = st.lists(st.lists(st.lists(st.integers(1, 4), max_size=6), min_size=1, max_size=3), min_size=1, max_size=5)


def filled_up(ways: list[list[int]]) -> np.ndarray:
    longest = max(map(len, ways))
    return np.array([way + [0] * (longest - len(way)) for way in ways], np.int64)


def test_a_blank_stands_before_between_and_behind() -> None:
    priors = token_log_priors([np.array([[1, 2, 1]]), np.array([[2]])], 4).exp()
    assert priors.tolist() == pytest.approx([6 / 10, 2 / 10, 2 / 10, 0.5 / 10])


@given(sentences)
def test_each_way_counts_for_its_part(spoken: list[list[list[int]]]) -> None:
    counts = [0.0] * 5
    for ways in spoken:
        for way in ways:
            counts[0] += (len(way) + 1) / len(ways)
            for token in way:
                counts[token] += 1 / len(ways)
    result = token_log_priors(map(filled_up, spoken), 5)
    assert result.tolist() == pytest.approx([math.log(max(count, 0.5) / sum(counts)) for count in counts], rel=1e-4)
