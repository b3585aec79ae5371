"""Work on other machines ends with the command that asked for it, whatever ends that."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from asr_prune.files import atomic

#: seconds between two signs of life, and after how many without one the command counts as gone:
#: file systems that machines share may show what is new a minute late
_BEAT, _GONE = 20.0, 240.0


@dataclass(frozen=True)
class Lease:
    """A file that is written anew as long as the command lives, and removed at its end.

    holder: the command; work of an earlier one that was killed ends once the next has written the file.
    """

    path: Path
    holder: str = field(default_factory=lambda: uuid.uuid4().hex)

    @contextmanager
    def held(self) -> Iterator[Lease]:
        """Within the block there are signs of life."""
        ended = threading.Event()
        self._beat()
        thread = threading.Thread(target=self._beats, args=(ended,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            ended.set()
            thread.join()
            self.path.unlink(missing_ok=True)

    def _beats(self, ended: threading.Event) -> None:
        while not ended.wait(_BEAT):
            with suppress(OSError):
                self._beat()

    def _beat(self) -> None:
        with atomic(self.path) as file:
            file.write(f"{self.holder} {time.time()}\n")

    @contextmanager
    def watched(self, end: float = _GONE, look: float = _BEAT) -> Iterator[None]:
        """If the command goes within the block, this process ends at once, as if it was killed.
        end: seconds without a sign of life; look: between two looks.
        """
        done = threading.Event()
        threading.Thread(target=self._watch, args=(done, end, look), daemon=True).start()
        try:
            yield
        finally:
            done.set()

    def _watch(self, done: threading.Event, end: float, look: float) -> None:
        last, since = self._sign(), time.monotonic()
        while not done.wait(look):
            if (now := self._sign()) != last and now:
                last, since = now, time.monotonic()
            elif not now or time.monotonic() - since > end:
                os._exit(1)

    def _sign(self) -> str:
        """The last sign of life; empty if there is none of this command."""
        try:
            sign = self.path.read_text(encoding="utf-8")
        except OSError:
            return ""
        return sign if sign.startswith(self.holder) else ""
