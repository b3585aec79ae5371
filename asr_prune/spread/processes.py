"""Processes of this machine that share work, any of which the system may end."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from asr_prune.errors import UserError
from asr_prune.process import WorkerEnded, WorkerPool, start_method, worker_pool

log = logging.getLogger(__name__)

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

#: ends of processes that an item may see
_ENDS = 3
_AHEAD = 32  # utterances a process that are read ahead, so that not all must fit into memory
_ENDED = "a worker process ended with status %s, perhaps for lack of memory%s"
_DEADLY = (
    "{} ended the process that did it, and two had ended before, perhaps for lack of memory; run the same "
    "command with --nj 1, or on a machine with more memory."
)


class Processes:
    """Processes, started at the first work and kept for the next.

    begin, arguments: each calls `begin(*arguments)` first; size: how many there are.

    If one ends, what it was doing begins again in new ones, half as many. What was under way at two
    such ends is done by one process: if that ends, too, it is known what has ended it.
    """

    def __init__(self, begin: Callable[..., object], arguments: tuple[Any, ...] = ()) -> None:
        self.begin, self.arguments, self.size = begin, arguments, 0
        self._stack = ExitStack()
        self._pool: WorkerPool | None = None

    def start(self, size: int) -> WorkerPool:
        """Starts them, unless there are as many or more. They start as `start_method` says."""
        if self._pool is None or self.size < size:
            self.stop()
            pool = worker_pool(size, start_method(), self.begin, self.arguments)
            self._pool, self.size = self._stack.enter_context(pool), size
        return self._pool

    def run(
        self,
        function: Callable[[_Item], _Result],
        items: Sequence[_Item],
        size: int,
        name: Callable[[_Item], str],
        watch: Callable[[Sequence[_Item]], object] = len,
    ) -> Iterator[tuple[int, _Result]]:
        """Yields (number of an item, `function(item)`) in the order of completion.

        size: how many processes, at the beginning; name: of an item, in messages; watch: is called
        with the items that are being done, when these change. Raises what `function` raises, and
        UserError for an item that has ended its process three times.
        """
        left, ends = dict(enumerate(items)), Counter[int]()
        while left:
            try:
                watch([*islice(left.values(), size)])  # they begin in their order
                pool = self.start(size)
                for number, result in pool.unordered(partial(_numbered, function), [*left.items()]):
                    del left[number]
                    yield number, result
                    watch([*islice(left.values(), size)])
            except WorkerEnded as ended:
                self.stop()
                ends.update(islice(left, size))
                worst = max(left, key=ends.__getitem__)
                deadly = ends[worst] == _ENDS
                log.warning(_ENDED, ended.args[0], "" if deadly else "; what it was doing begins again")
                if deadly:
                    raise UserError(_DEADLY.format(name(items[worst]))) from None
                size = 1 if ends[worst] == _ENDS - 1 else max(1, size // 2)

    def stop(self) -> None:
        """Ends them; the next work starts others."""
        self._pool = None
        self._stack.close()

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def _numbered(function: Callable[[_Item], _Result], item: tuple[int, _Item]) -> tuple[int, _Result]:
    return item[0], function(item[1])


_work: Callable[[str, Any], Any]  # of this process


def each(
    work: Callable[[str, _Item], _Result],
    items: Iterable[tuple[str, _Item]],
    nj: int,
) -> Iterator[tuple[str, _Result]]:
    """Yields (utterance, `work(utterance, item)`) in the order of `items`, with `nj` processes.

    Forks share what `work` refers to, such as a graph; fresh processes get a pickled `work`, for
    instance a graph's path, and load it again. Items and results are copied. If the system ends a
    process, its utterance begins again, see `Processes`. Raises UserError for an utterance that has
    ended three.
    """
    if nj == 1:
        yield from ((utt, work(utt, item)) for utt, item in items)
        return
    remaining = iter(items)
    with Processes(_set_work, (work,)) as processes:
        processes.start(nj)  # before items are made: a network's threads would forbid forks
        while group := list(islice(remaining, _AHEAD * nj)):
            done = processes.run(_apply, group, processes.size, _name)
            yield from zip((utt for utt, _ in group), _in_order(done), strict=True)


def _set_work(work: Callable[[str, Any], Any]) -> None:
    global _work
    _work = work


def _apply(pair: tuple[str, Any]) -> Any:
    return _work(*pair)


def _name(pair: tuple[str, Any]) -> str:
    return f"the work on {pair[0]}"


def _in_order(numbered: Iterator[tuple[int, _Result]]) -> Iterator[_Result]:
    waiting, due = dict[int, _Result](), 0
    for number, result in numbered:
        waiting[number] = result
        while due in waiting:
            yield waiting.pop(due)
            due += 1
