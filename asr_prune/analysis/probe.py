"""Statements tried in another process, which may hang or crash without harm to this one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Timer
from typing import Any

#: runs the statements of its arguments, and writes a line for each where imports cannot write
_CODE = """
import json, os, sys, time
out = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
for code in sys.argv[1:]:
    start, names, error = time.perf_counter(), {}, ""
    try:
        exec(code, names)
    except BaseException as failure:
        error = f"{type(failure).__name__}: {failure}"
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, error, names.get("value")]), file=out, flush=True)
"""


@dataclass(frozen=True)
class Tried:
    """How a statement ended: error: "" if it did well; hung: whether it was stopped after the time
    limit; value: what it assigned to `value`, for JSON.
    """

    seconds: float
    error: str = ""
    hung: bool = False
    value: Any = None


def try_statements(statements: Mapping[str, str], limit: float) -> dict[str, Tried]:
    """Runs statements by name in one fresh process, and after a hang or crash in another one.

    limit: seconds for each statement, and for starting Python.
    """
    results: dict[str, Tried] = {}
    while len(results) < len(statements):
        remaining = {name: code for name, code in statements.items() if name not in results}
        results |= zip(remaining, _attempt(list(remaining.values()), limit), strict=False)
    return results


def _attempt(codes: list[str], limit: float) -> Iterator[Tried]:
    """Up to the first statement that hangs or crashes."""
    command = [sys.executable, "-c", _CODE, *codes]
    devnull = subprocess.DEVNULL
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=devnull, stdout=pipe, stderr=devnull) as process:
        for _ in codes:
            line, hung = _line(process, limit)
            if not line:
                process.kill()
                status = process.wait()
                yield Tried(limit if hung else 0, "" if hung else f"exit status {status}", hung)
                return
            yield Tried(*_read(line))


def _line(process: subprocess.Popen[bytes], limit: float) -> tuple[bytes, bool]:
    """The next line, b"" if the process ended; whether it was killed after `limit` seconds."""
    assert process.stdout is not None
    expired: list[bool] = []

    def stop() -> None:
        expired.append(True)
        process.kill()

    timer = Timer(limit, stop)
    timer.start()
    try:
        return process.stdout.readline(), bool(expired)
    finally:
        timer.cancel()


def _read(line: bytes) -> tuple[float, str, bool, Any]:
    seconds, error, value = json.loads(line)
    return seconds, " ".join(error.split()), False, value
