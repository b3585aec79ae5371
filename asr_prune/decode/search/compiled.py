"""Compilation by numba, kept on the disk between processes."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
from numba.core import config

log = logging.getLogger(__name__)


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles `function` as a part of what calls it."""
    return numba.njit(nogil=True)(function)


def kept(function: Callable[..., Any]) -> Any:
    """Compiles `function` when it is first called and keeps the result, if any folder can be
    written.
    """
    with _cached_in(folder()):
        try:
            return numba.njit(cache=True, nogil=True)(function)
        except RuntimeError:  # no folder can be written: compiled in each process
            return numba.njit(nogil=True)(function)


@contextmanager
def announced() -> Iterator[None]:
    """Says so if the block must compile first, which takes half a minute, and how long it took."""
    if any(folder().rglob("*.nbc")):
        yield
        return
    log.info("compiling the search, once for this version")
    start = time.monotonic()
    yield
    log.info("compiled in %.0f s and kept in %s", time.monotonic() - start, folder())


def folder() -> Path:
    """Where compiled code of this version is kept."""
    return _home() / "asr_prune" / f"search-{_digest()}"


def _home() -> Path:
    """Where compiled code goes: NUMBA_CACHE_DIR, or the user's cache folder."""
    if config.CACHE_DIR:
        return Path(config.CACHE_DIR)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home()))
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _digest() -> str:
    """Of all files of this folder: numba looks at the file of the outermost function alone."""
    total = hashlib.sha256(numba.__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


@contextmanager
def _cached_in(path: Path) -> Iterator[None]:
    before, config.CACHE_DIR = config.CACHE_DIR, str(path)
    try:
        yield
    finally:
        config.CACHE_DIR = before
