"""The same work on every utterance, in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from asr_prune.process import start_method, worker_pool

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_AHEAD = 32  # utterances a process that are read ahead, so that not all must fit into memory

_work: Callable[[str, Any], Any]  # of this worker


def each(
    work: Callable[[str, _Item], _Result],
    items: Iterable[tuple[str, _Item]],
    nj: int,
) -> Iterator[tuple[str, _Result]]:
    """Yields (utterance, `work(utterance, item)`) in the order of `items`, with `nj` processes.

    The processes are started as `start_method` says. Forks share what `work` refers to, such as a
    graph; fresh processes get a pickled `work`, for instance a graph's path, and load it again.
    Items and results are copied.
    """
    if nj == 1:
        yield from ((utt, work(utt, item)) for utt, item in items)
        return
    remaining = iter(items)
    with worker_pool(nj, start_method(), _set_work, (work,)) as pool:
        while group := list(islice(remaining, _AHEAD * nj)):
            yield from pool.map(_apply, group)


def _set_work(work: Callable[[str, Any], Any]) -> None:
    global _work
    _work = work


def _apply(pair: tuple[str, Any]) -> tuple[str, Any]:
    utt, item = pair
    return utt, _work(utt, item)
