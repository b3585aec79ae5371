"""One command at a time on an experiment."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from asr_prune.errors import UserError

#: run.sh puts its process here, so that it holds the experiment from its first stage to its last
RUN = "ASR_PRUNE_RUN"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock file `path` for this process or, under ./run.sh, for that whole run.

    Raises UserError if another process or run holds it, or it cannot be written.
    """
    run = os.environ.get(RUN, "")
    me = token(int(run) if run.isdigit() else os.getpid())
    with _opened(path) as file:
        holder = _held_by_another(file, me)
        if holder:
            raise UserError(
                f"{path.parent} is in use by another command (process {holder}); wait until it ends, or stop it, "
                "then run this again."
            )
        try:
            file.truncate(0)
            file.write(me.encode())
        except OSError as error:
            raise _refused(path, error) from error
        try:
            yield
        finally:
            if not run:
                file.truncate(0)


def _opened(path: Path) -> FileIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab+", buffering=0)
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write {path}: {error.strerror}; make the folder writable or free space, then run the same command."
    )


def _held_by_another(file: FileIO, me: str) -> str:
    """The process that holds the open lock file, "" if none does; then the file is locked afterwards."""
    file.seek(0)
    owner = file.read().decode(errors="replace").strip()
    process = owner.partition(" ")[0]
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return process or "unknown"
    alive = process.isdigit() and token(int(process)) == owner
    return process if alive and owner != me else ""


def token(process: int) -> str:
    """Tells a process from a later one with the same number: its number and, if the system says, its start time."""
    try:
        start = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        start = "" if _exists(process) else "gone"
    return f"{process} {start}".strip()


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
