"""Counts of nodes that are asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.pruning.counts import check_input_request, check_request, even_counts, minima_of, target_of

shapes = st.lists(st.integers(1, 60), min_size=1, max_size=8).map(tuple)


@given(hidden=shapes, keep=st.floats(0.01, 1), minimum=st.integers(1, 20), floor=st.floats(0, 1))
def test_a_request_is_refused_exactly_if_the_minima_are_more(
    hidden: tuple[int, ...], keep: float, minimum: int, floor: float
) -> None:
    asked, minima = round(keep * sum(hidden)), minima_of(hidden, keep, minimum, floor)
    target = target_of(hidden, keep, minima)
    assert target is not None
    if target - asked > max(1, 0.02 * asked):
        said = f"requests {asked} of {sum(hidden)} hidden nodes.*at least {sum(minima)}"
        with pytest.raises(ValueError, match=said) as refused:
            check_request(hidden, keep, minimum, floor)
        check_request(hidden, float(str(refused.value).partition("(to ")[2].split(",")[0]), minimum, floor)
    else:
        check_request(hidden, keep, minimum, floor)


@given(count=st.integers(1, 600), keep=st.floats(0.0005, 1), minimum=st.integers(1, 20))
def test_inputs_are_refused_exactly_if_the_minimum_is_more(count: int, keep: float, minimum: int) -> None:
    asked, least = round(keep * count), min(count, minimum)
    if least - asked > max(1, 0.02 * asked):
        said = f"inputs true with keep 0.1 requests {asked} of {count} inputs.*at least {least}"
        with pytest.raises(ValueError, match=said) as refused:
            check_input_request(count, keep, minimum, "inputs true with keep 0.1")
        enough = float(str(refused.value).partition("set inputs to ")[2].partition(" ")[0])
        check_input_request(count, enough, minimum, "")
    else:
        check_input_request(count, keep, minimum, "")


@given(hidden=shapes, keep=st.floats(0.01, 1))
def test_even_counts_add_up(hidden: tuple[int, ...], keep: float) -> None:
    minima = [min(size, 1) for size in hidden]
    counts = even_counts(hidden, round(keep * sum(hidden)), minima)
    assert sum(counts) == max(round(keep * sum(hidden)), len(hidden))
    assert all(least <= count <= size for least, count, size in zip(minima, counts, hidden, strict=True))
