"""One command at a time on an experiment, and one process on a run."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from asr_prune.errors import UserError

#: run.sh exports its process id here, so that it holds the experiment from its first stage to its
#: last
RUN = "ASR_PRUNE_RUN"

_PROC = Path("/proc")

log = logging.getLogger(__name__)

#: seconds to wait for another process that makes a run: one whose command is gone ends before
_PATIENCE = 900.0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds an experiment for this process or, under ./run.sh, for that whole run.

    path: file that names the holder and, under a run, in a second line this process, which may
    outlive it; the lock itself is a file next to it, because a locked file cannot be read on
    Windows. Raises UserError if another process or run holds the experiment, or if `path` cannot be
    written.
    """
    run = os.environ.get(RUN, "")
    own = _identity(os.getpid())
    lock = _acquired(path)
    try:
        _take(path, [_identity(int(run)), own] if run.isdigit() else [own])
        try:
            yield
        finally:
            if not run:
                with suppress(OSError):
                    path.write_text("")
    finally:
        lock.release()


@contextmanager
def alone(folder: Path, patience: float = _PATIENCE) -> Iterator[bool]:
    """Holds the run whose ledger is in `folder`, so that no process on any machine makes it beside
    this one; yields whether it had to wait for one. The system lets go of it if this process dies.

    Raises UserError if another process holds it for more than `patience` seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, waits = FileLock(folder / ".guard"), False
    try:
        lock.acquire(blocking=False)
    except Timeout:
        waits = True
        log.info("waiting for another process that works on %s", folder.parent)
        try:
            lock.acquire(patience, poll_interval=0.5)
        except Timeout:
            what = f"{folder.parent} has been in use by another process for {patience:g} s"
            raise UserError(f"{what}; end that process, on this machine or a worker, then run this again.") from None
    try:
        yield waits
    finally:
        lock.release()


def _acquired(path: Path) -> FileLock:
    lock = FileLock(path.with_name(f"{path.name}.guard"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        owners = _owners(path)
        raise _in_use(path, next(filter(_alive, owners), owners[-1])) from None
    except OSError as error:
        raise _unwritable(path, error) from error
    return lock


def _take(path: Path, names: list[str]) -> None:
    """Names the holder, unless a run between two of its stages still is."""
    owner = _owners(path)[0]
    if owner != names[0] and _alive(owner):
        raise _in_use(path, owner)
    try:
        path.write_text("\n".join(names), encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from error


def _owners(path: Path) -> list[str]:
    """The lines of the file; one that is empty if it names nobody."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip().split("\n")
    except OSError:
        return [""]


def _in_use(path: Path, owner: str) -> UserError:
    process = owner.partition(" ")[0] or "unknown"
    return UserError(
        f"{path.parent} is in use by another command (process {process}); wait until it ends, or"
        " stop it, then run this again."
    )


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write {path}: {error.strerror}; make the folder writable or free space, then run the same command."
    )


def _alive(owner: str) -> bool:
    process, _, start = owner.partition(" ")
    return process.isdigit() and bool(start) and _identity(int(process)) == owner


def _identity(process: int) -> str:
    """The id of a process and when it started, since ids are reused.

    Without a start time if the process has ended or the system does not say, as on Windows. There a
    run holds the experiment during its stages only.
    """
    return f"{process} {_started_proc(process) or _started_ps(process)}".strip()


def _started_proc(process: int) -> str:
    """Linux: clock ticks since the system started."""
    try:
        return (_PROC / f"{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _started_ps(process: int) -> str:
    """Other POSIX systems: a date."""
    if os.name != "posix":
        return ""
    command = ["ps", "-o", "lstart=", "-p", str(process)]
    settings = os.environ | {"LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return " ".join(done.stdout.split())
