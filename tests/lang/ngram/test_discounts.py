from __future__ import annotations

import numpy as np
import pytest

from asr_prune.lang.ngram.discounts import kneser_ney, witten_bell


def repeated(n1: int, n2: int, n3: int, n4: int, more: int = 2) -> np.ndarray:
    return np.repeat([0, 1, 2, 3, 4, 9], [3, n1, n2, n3, n4, more])


def test_three_discounts() -> None:
    found = kneser_ney(repeated(40, 10, 5, 3), np.zeros(63, np.int64))
    y = 40 / 60
    expected = [0, 1 - 2 * y * 10 / 40, 2 - 3 * y * 5 / 10, 3 - 4 * y * 3 / 5]
    assert found.of[[0, 3, 43, 53, 58, 62]] == pytest.approx([*expected, expected[3], expected[3]])
    assert found.how == "modified Kneser-Ney, D 0.667, 1.000, 1.400"


@pytest.mark.parametrize("n", [(40, 10, 0, 3), (40, 10, 5, 0), (40, 10, 20, 9), (40, 10, 5, 9)])
def test_single_discount_if_three_are_undefined(n: tuple[int, int, int, int]) -> None:
    found = kneser_ney(repeated(*n), np.zeros(sum(n) + 5, np.int64))
    assert found.of[[0, 3, -1]] == pytest.approx([0, 2 / 3, 2 / 3])
    assert found.how == f"Kneser-Ney, D 0.667, since n1 to n4 are {n[0]}, {n[1]}, {n[2]}, {n[3]}"


@pytest.mark.parametrize("n", [(0, 10, 5, 3), (40, 0, 5, 3)])
def test_witten_bell_if_no_discount_is_defined(n: tuple[int, int, int, int]) -> None:
    counts = repeated(*n)
    found = kneser_ney(counts, np.zeros(len(counts), np.int64))
    assert found.of == pytest.approx(witten_bell(counts, np.zeros(len(counts), np.int64)).of)
    assert found.how.startswith("Witten-Bell, since n1 to n4 are ")


def test_witten_bell_gives_up_as_much_as_there_are_kinds() -> None:
    """After history 0 three kinds of ten; after history 2 nothing was seen."""
    found = witten_bell(np.array([5, 4, 1, 6, 0]), np.array([0, 0, 0, 1, 2]))
    assert found.of == pytest.approx([5 * 3 / 13, 4 * 3 / 13, 3 / 13, 6 / 7, 0])
