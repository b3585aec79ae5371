"""Items made in a thread while those before them are used."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

_T = TypeVar("_T")

_END = object()
_WAIT = 0.1  # seconds after which the thread looks whether anybody still reads


def ahead(items: Iterable[_T], most: int) -> Generator[_T]:
    """Yields `items` in their order; a thread makes them, at most `most` more than are used.

    What it raises is raised here, after the items before. The thread ends when the reader closes
    this. Nothing starts before the first item is asked for.
    """
    queue: Queue[object] = Queue(most)
    left = Event()
    failed: list[BaseException] = []
    maker = Thread(target=_fill, args=(items, queue, left, failed), daemon=True)
    maker.start()
    try:
        while (item := queue.get()) is not _END:
            yield item  # type: ignore[misc]
    finally:
        left.set()
        maker.join()
    if failed:
        raise failed[0]


def _fill(items: Iterable[object], queue: Queue[object], left: Event, failed: list[BaseException]) -> None:
    try:
        for item in items:
            if not _put(item, queue, left):
                return
    except BaseException as error:
        failed.append(error)
    _put(_END, queue, left)


def _put(item: object, queue: Queue[object], left: Event) -> bool:
    """Whether it was taken before the reader left."""
    while not left.is_set():
        try:
            queue.put(item, timeout=_WAIT)
        except Full:
            continue
        return True
    return False
