"""What a verb prints and logs, and the few lines that it ends with if it fails."""

from __future__ import annotations

import errno
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.interrupts import interruptible

#: lines of the log that are shown if a verb fails
TAIL = 6
#: the logger that says what begins and what is up to date
_HEADINGS = " asr_prune.workflow.runner: "
#: exit status of an interrupted command, as in a shell
INTERRUPTED = 130
_NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST)


class Stopped(Exception):
    """A verb failed and everything has been printed. status: exit status of the process."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Log:
    """The log of one verb: messages go to the terminal, and with times and debug messages to the
    end of `path`.

    Raises UserError if it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = logging.FileHandler(path, mode="a", encoding="utf-8")
        except OSError as error:
            raise UserError(one_line(error)) from error
        self.start = path.stat().st_size
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        terminal = logging.StreamHandler(sys.stdout)
        terminal.setLevel(logging.INFO)
        terminal.setFormatter(logging.Formatter("%(message)s"))
        terminal.addFilter(lambda record: record.name.startswith("asr_prune") or record.levelno >= logging.WARNING)
        # a full disk is reported once, by the verb, and not by every line of the log
        logging.raiseExceptions = False
        logging.basicConfig(level=logging.INFO, handlers=[file, terminal], force=True)
        logging.getLogger("asr_prune").setLevel(logging.DEBUG)
        logging.getLogger("matplotlib").setLevel(logging.WARNING)

    def tail(self) -> list[str]:
        """This command's last lines, without headings."""
        with self.path.open(encoding="utf-8", errors="replace") as file:
            file.seek(self.start)
            return [line for line in file.read().splitlines() if _HEADINGS not in line][-TAIL:]

    def add(self, text: str) -> None:
        """Writes to the file alone, if it can be written."""
        with suppress(OSError), self.path.open("a", encoding="utf-8") as file:
            file.write(text)


@contextmanager
def logged(verb: str, path: Path, again: str, restart: Callable[[str], str]) -> Iterator[None]:
    """Runs a verb with its log. If it fails, prints the cause, the log's last lines, its path and
    how to go on, and raises Stopped: the traceback goes to the log only.

    again: the command to go on with; restart: gives that for a stage, for errors that name one.
    """
    log = Log(path)
    try:
        with interruptible():
            yield
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        stage = getattr(error, "stage", "")
        command = restart(stage) if stage else again
        raise Stopped(_report(verb, error, log, command)) from error


def _report(verb: str, error: BaseException, log: Log, command: str) -> int:
    """Prints what stopped `verb`; the exit status."""
    interrupted = isinstance(error, KeyboardInterrupt)
    cause = f"{verb} was interrupted; nothing that was finished is lost." if interrupted else one_line(error)
    tail = [] if interrupted else log.tail()
    expected = interrupted or isinstance(error, UserError)
    log.add(f"{cause}\n" if expected else "".join(traceback.format_exception(error)))
    head = f"asr-prune: {cause if interrupted else f'{verb} failed: {cause}'}"
    lines = [head, *(f"  | {line}" for line in tail), f"log: {log.path}", f"go on with: {command}"]
    print("\n".join(lines), file=sys.stderr)
    return INTERRUPTED if interrupted else 1


def one_line(error: BaseException) -> str:
    """The cause of an error in one line."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _NO_PLACE:
        return f"cannot write {error.filename or 'a file'}: {error.strerror}; free space or make the folder writable."
    if isinstance(error, MemoryError):
        return "out of memory; lower --nj or stop other programs."
    text = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {text[:300]}; this is a bug of asr_prune, please report it."


def print_messages(stream: object = None) -> None:
    """Sends log messages to standard output (or `stream`) without a log file, for verbs that write nothing of ours."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=stream or sys.stdout, force=True)  # type: ignore[arg-type]
