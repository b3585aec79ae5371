"""Progress of long work: a bar on a terminal, elsewhere a plain line each minute and at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_T = TypeVar("_T")

_MINUTE = 60.0  # seconds between lines


def track(
    items: Iterable[_T],
    total: int,
    label: str,
    status: Callable[[], str] | None = None,
) -> Iterator[_T]:
    """Yields `items`, reporting on standard error how many of `total` are done; 0: unknown.

    On a terminal, if tqdm is installed: a bar with the text of `status`, updated twice a second.
    Elsewhere: a line each minute, and at the end if the work took more than two seconds, unless
    there is a `status`, whose caller prints lines of its own.
    """
    if on_terminal():
        yield from _with_bar(items, total, label, status)
        return
    start = last = time.monotonic()
    for done, item in enumerate(items):
        if status is None and (now := time.monotonic()) - last > _MINUTE:
            last = now
            print(f"  {label}: {done} of {total} in {last - start:.0f} s", file=sys.stderr, flush=True)
        yield item
    seconds = time.monotonic() - start
    if status is None and seconds > 2:
        print(f"  {label}: {total} in {seconds:.0f} s", file=sys.stderr, flush=True)


def on_terminal() -> bool:
    """Whether `track` shows a bar: on a terminal, if tqdm is installed."""
    if not sys.stderr.isatty():
        return False
    try:
        import tqdm  # noqa: F401
    except ImportError:
        return False
    return True


def _with_bar(items: Iterable[_T], total: int, label: str, status: Callable[[], str] | None) -> Iterator[_T]:
    from tqdm import tqdm

    with tqdm(items, total=total or None, desc=f"  {label}", leave=False, dynamic_ncols=True) as bar:
        updated = 0.0
        for item in bar:
            yield item
            if status is not None and time.monotonic() - updated > 0.5:
                bar.set_postfix_str(status(), refresh=False)
                updated = time.monotonic()
