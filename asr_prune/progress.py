"""Progress that a person sees: a bar on a terminal, a plain line when done otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def track(items: Iterable[T], total: int, label: str, tell: Callable[[], str] | None = None) -> Iterator[T]:
    """Yields `items`, showing how many of `total` are done under `label` on standard error.

    On a terminal: a bar, and behind it what `tell` says, asked twice a second. Elsewhere: one plain line at the end
    when the whole took more than two seconds; none where there is a `tell`, whose owner prints lines of its own.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(items, total=total, desc=f"  {label}", leave=False, dynamic_ncols=True) as bar:
            told = 0.0
            for item in bar:
                yield item
                if tell is not None and time.monotonic() - told > 0.5:
                    bar.set_postfix_str(tell(), refresh=False)
                    told = time.monotonic()
        return
    start = time.monotonic()
    yield from items
    if tell is None and time.monotonic() - start > 2:
        print(f"  {label}: {total} in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
