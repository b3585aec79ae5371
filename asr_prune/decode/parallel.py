"""The same work on every utterance, in processes that share what it works with."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

WAITING = 32  # utterances a process that are made before they are worked on, so that not all must fit into memory

_work: Callable[[str, Any], Any]  # of this process


def each(work: Callable[[str, In], Out], items: Iterable[tuple[str, In]], nj: int) -> Iterator[tuple[str, Out]]:
    """Yields (utterance, `work` of it) in the order of `items`, with `nj` processes.

    What `work` holds, such as a graph, is not copied: the processes are forks of this one. What it returns is.
    """
    if nj == 1:
        yield from ((utt, work(utt, item)) for utt, item in items)
        return
    waiting = iter(items)
    with multiprocessing.get_context("fork").Pool(nj, _begin, (work,)) as pool:
        while some := list(islice(waiting, WAITING * nj)):
            yield from pool.imap(_do, some)


def _begin(work: Callable[[str, Any], Any]) -> None:
    global _work
    _work = work


def _do(item: tuple[str, Any]) -> tuple[str, Any]:
    utt, given = item
    return utt, _work(utt, given)
