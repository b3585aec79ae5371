"""Items made ahead are those that would be made, and the thread ends with its reader."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.decode.ahead import ahead


@given(items=st.lists(st.integers()), most=st.integers(1, 5))
def test_items_keep_their_order(items: list[int], most: int) -> None:
    assert list(ahead(iter(items), most)) == items


def test_as_many_are_made_as_may_be_ahead() -> None:
    made: list[int] = []
    seen = threading.Event()

    def items() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            if i == 4:
                seen.set()
            yield i

    with closing(ahead(items(), 3)) as reader:
        assert next(reader) == 0
        assert seen.wait(10)  # one used, three in the queue, one in hand
        assert len(made) == 5
        before = threading.active_count()
    assert threading.active_count() == before - 1
    assert len(made) == 5


def test_what_making_raises_is_raised_after_the_items_before() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("two")

    reader = ahead(items(), 4)
    assert next(reader) == 1
    with pytest.raises(KeyError, match="two"):
        next(reader)


def test_nothing_starts_before_the_first_is_asked_for() -> None:
    before = threading.active_count()
    ahead(iter([1]), 1)
    assert threading.active_count() == before
