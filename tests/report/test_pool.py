"""What a row of all folds says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asr_prune.report.pool import together

NUMBERS = st.integers(-99, 99) | st.floats(-99, 99)


@given(st.lists(NUMBERS, min_size=1, max_size=10))
def test_numbers_have_their_mean_and_equal_values_stay(values: list[float]) -> None:
    assert abs(together(values) - sum(values) / len(values)) < 1e-9
    assert together([values[0]] * 3) == values[0]


def test_other_values_are_those_that_all_folds_have() -> None:
    assert together(["dense", "dense"]) == "dense"
    assert together(["a", "b"]) is None
    assert together([None, 0.5]) is None
    assert together([True, True]) is True
    assert together([True, False]) is False
    assert together([[10, 20], [20, 20]]) == [15, 20]
    assert together([[10], [20, 20]]) is None
    assert together([{"a": 1}, {"a": 2}]) is None
