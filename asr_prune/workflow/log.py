"""What a verb says and writes down: its log, and the few lines when it stops short."""

from __future__ import annotations

import errno
import logging
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from asr_prune.errors import UserError

#: lines of the log that are shown when a stage fails
TAIL = 6
#: who logs what is begun and what is up to date
HEADINGS = " asr_prune.workflow.context: "
#: exit status of what was interrupted, as a shell gives it
INTERRUPTED = 130
_NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST)


class Stopped(Exception):
    """A stage ended short and everything has been said. status: what the process is to exit with."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Log:
    """The log of one verb: what is logged goes to the terminal, and with times and more to the end of `path`.

    Raises UserError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = logging.FileHandler(path, mode="a", encoding="utf-8")
        except OSError as error:
            raise UserError(sentence(error)) from error
        self.start = path.stat().st_size
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        terminal = logging.StreamHandler(sys.stdout)
        terminal.setLevel(logging.INFO)
        terminal.setFormatter(logging.Formatter("%(message)s"))
        terminal.addFilter(lambda record: record.name.startswith("asr_prune") or record.levelno >= logging.WARNING)
        # a disk that is full is told once, by the stage, and not by every line of the log
        logging.raiseExceptions = False
        logging.basicConfig(level=logging.INFO, handlers=[file, terminal], force=True)
        logging.getLogger("asr_prune").setLevel(logging.DEBUG)
        logging.getLogger("matplotlib").setLevel(logging.WARNING)

    def tail(self) -> list[str]:
        """This command's last lines, without those that only say what was begun or is up to date."""
        with self.path.open(encoding="utf-8", errors="replace") as file:
            file.seek(self.start)
            return [line for line in file.read().splitlines() if HEADINGS not in line][-TAIL:]

    def add(self, text: str) -> None:
        """Writes to the file alone, as far as it can be written."""
        with suppress(OSError), self.path.open("a", encoding="utf-8") as file:
            file.write(text)


def tell(verb: str, error: BaseException, log: Log, command: str) -> int:
    """Says what stopped `verb`: cause, the log's end, its place, the command to go on with. Returns the exit status.

    A trace goes to the log only.
    """
    interrupted = isinstance(error, KeyboardInterrupt)
    cause = f"{verb} was interrupted; nothing that was finished is lost." if interrupted else sentence(error)
    tail = [] if interrupted else log.tail()
    expected = interrupted or isinstance(error, UserError)
    log.add(f"{cause}\n" if expected else "".join(traceback.format_exception(error)))
    lines = [f"asr-prune: {cause if interrupted else f'{verb} failed: {cause}'}", *(f"  | {line}" for line in tail)]
    print("\n".join([*lines, f"log: {log.path}", f"go on with: {command}"]), file=sys.stderr)
    return INTERRUPTED if interrupted else 1


def sentence(error: BaseException) -> str:
    """The cause in one line."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _NO_PLACE:
        return f"cannot write {error.filename or 'a file'}: {error.strerror}; free space or make the folder writable."
    if isinstance(error, MemoryError):
        return "the memory is not enough; lower --nj or stop other programs."
    text = " ".join(str(error).split()) or "no more is known"
    return f"{type(error).__name__}: {text[:300]}; this is a fault of asr_prune, please report it."
