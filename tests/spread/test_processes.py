"""Work on utterances in processes of this machine, of which some end before their work."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from asr_prune.errors import UserError
from asr_prune.spread import processes
from asr_prune.spread.processes import Processes, each

ITEMS = [(f"utt{i:03d}", i) for i in range(90)]
SQUARES = [(utt, i * i) for utt, i in ITEMS]
BEGINS = "a worker process ended with status -9, perhaps for lack of memory; what it was doing begins again"

#: (how often some utterances end their process) -> work that squares
Make = Callable[..., Any]


@pytest.fixture
def squaring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setattr(processes, "start_method", lambda: "fork")
    from spread_jobs import Squaring

    return lambda **deadly: Squaring(tmp_path, deadly)


@pytest.fixture
def fresh(squaring: Make, monkeypatch: pytest.MonkeyPatch) -> Make:
    """As `squaring`, in processes that do not share this one's memory."""
    monkeypatch.setattr(processes, "start_method", lambda: "spawn")
    return squaring


@pytest.mark.parametrize("nj", [1, 2, 5])
def test_work_on_each_item_comes_in_order(nj: int, squaring: Make) -> None:
    assert list(each(squaring(), iter(ITEMS), nj)) == SQUARES


def test_fresh_processes_do_the_same(fresh: Make) -> None:
    assert list(each(fresh(), iter(ITEMS), 2)) == SQUARES


@pytest.mark.parametrize("nj", [2, 5])
@pytest.mark.parametrize(
    "deadly",
    [{"utt000": 1}, {"utt041": 2}, {"utt003": 1, "utt089": 1}, {"utt010": 2, "utt011": 2, "utt070": 2}],
)
def test_killed_processes_lose_and_double_nothing(
    nj: int, deadly: dict[str, int], squaring: Make, caplog: pytest.LogCaptureFixture
) -> None:
    assert list(each(squaring(**deadly), iter(ITEMS), nj)) == SQUARES
    assert set(caplog.messages) == {BEGINS}
    assert len(caplog.messages) <= sum(deadly.values())


def test_fresh_processes_may_be_killed_too(fresh: Make, caplog: pytest.LogCaptureFixture) -> None:
    assert list(each(fresh(utt070=1), ITEMS, 2)) == SQUARES
    assert caplog.messages == [BEGINS]


def test_more_than_three_utterances_may_each_end_a_process(squaring: Make, caplog: pytest.LogCaptureFixture) -> None:
    deadly = {f"utt{i:03d}": 1 for i in range(10, 90, 20)}
    done = squaring(**deadly)
    with Processes(len, ((),)) as own:
        found = [own.run(done.pair, ITEMS[i : i + 20], 2, str) for i in range(0, 90, 20)]
        assert [len(list(part)) for part in found] == [20, 20, 20, 20, 10]
    assert caplog.messages == [BEGINS] * 4


@pytest.mark.parametrize(("nj", "before"), [(2, 3), (5, 2)])
def test_the_utterance_that_ends_three_is_named(
    nj: int, before: int, squaring: Make, caplog: pytest.LogCaptureFixture
) -> None:
    found = list[tuple[str, int]]()
    told = "^the work on utt070 ended the process that did it, and two had ended before,.* with --nj 1, or"
    with pytest.raises(UserError, match=told):
        found.extend(each(squaring(utt070=3, utt012=1), ITEMS, nj))
    assert caplog.messages == [*[BEGINS] * before, re.sub(";.*", "", BEGINS)]


def test_what_the_work_raises_is_raised(squaring: Make) -> None:
    with pytest.raises(TypeError):
        list(each(squaring(), [("a", 1), ("b", "two")], 2))


def test_processes_start_before_the_first_item_is_made(squaring: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes items may start threads, beside which a fork is not safe."""
    made, made_at_start = count(), list[int]()

    def start_method() -> str:
        made_at_start.append(next(made))
        return "fork"

    def items() -> Iterator[tuple[str, int]]:
        next(made)
        yield from ITEMS

    monkeypatch.setattr(processes, "start_method", start_method)
    assert list(each(squaring(), items(), 2)) == SQUARES
    assert made_at_start == [0]


def test_half_as_many_go_on_and_one_after_a_second_end(squaring: Make) -> None:
    done, sizes, most = squaring(utt007=2), list[int](), 0
    with Processes(len, ((),)) as own:

        def watch(doing: Sequence[object]) -> None:
            nonlocal most
            most = max(most, len(doing))

        for _ in own.run(done.pair, ITEMS, 4, str, watch):
            sizes.append(own.size)
    assert most == 4
    assert sizes == [4] * 89 + [1]
