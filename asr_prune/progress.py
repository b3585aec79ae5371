"""Progress that a person sees: a bar on a terminal, a plain line when done otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def track(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """Yields `items`, showing how many of `total` are done under `label` on standard error.

    On a terminal: a bar. Elsewhere: one plain line at the end when the whole took more than two seconds.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, desc=f"  {label}", leave=False, dynamic_ncols=True)
        return
    start = time.monotonic()
    yield from items
    if time.monotonic() - start > 2:
        print(f"  {label}: {total} in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
