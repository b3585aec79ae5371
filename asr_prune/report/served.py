"""The report of an experiment for a browser: redrawn as runs finish, with the audio of test."""

from __future__ import annotations

import hashlib
import io
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from html import escape
from pathlib import Path
from types import TracebackType

import soundfile

from asr_prune.corpus.audio import INT16_SCALE, read_audio
from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.layout import Layout

#: what a served page does besides: it asks whether it is still the newest
_LIVE = """<script>setInterval(async () => {
  const newest = await fetch("version").then(answer => answer.text(), () => "");
  if (newest && newest !== document.documentElement.dataset.served) location.reload();
}, 2000);</script>"""
#: seconds between two looks at the runs, at least
_PAUSE = 1.0


class ServedReport:
    """Pages and audio of one experiment. Nothing in its folders is written.

    draw: writes the report to a folder, as `report_into`; tests: the data directories of test, one
    or those of all folds. A context: while it is open, a thread looks for results that came or
    changed, and draws the report again.
    """

    def __init__(
        self,
        layout: Layout,
        draw: Callable[[Path], object],
        tests: Sequence[Path],
    ) -> None:
        self.layout, self._draw, self._tests = layout, draw, tests
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ServedReport:
        self._folder = tempfile.TemporaryDirectory()
        self.files, self.version = self._drawn()
        self._watcher.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._watcher.join()
        self._folder.cleanup()

    def stamp(self) -> str:
        """A text that changes when a run finishes, is scored again, or is removed."""
        facts = []
        for path in (run.result for run in self.layout.existing_runs()):
            with suppress(FileNotFoundError):
                state = path.stat()
                facts.append((str(path), state.st_size, state.st_mtime_ns))
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def audio(self, utterance: str) -> bytes | None:
        """An utterance of test as WAV, 16 bit; None if there is none of that name, or no audio.
        Raises UserError if its file is damaged.
        """
        test = next((data for data in self._read if utterance in data.wavs), None)
        if test is None:
            return None
        samples, rate = read_audio(test.wavs[utterance], part=test.segments.get(utterance))
        packed = io.BytesIO()
        soundfile.write(packed, samples / INT16_SCALE, rate, format="WAV", subtype="PCM_16")
        return packed.getvalue()

    @cached_property
    def _read(self) -> list[DataDir]:
        return [DataDir.read(path) for path in self._tests]

    def _watch(self) -> None:
        took = 0.0
        while not self._ended.wait(max(_PAUSE, took)):
            if self.stamp() != self.version:
                begin = time.monotonic()
                with suppress(OSError):  # of a run that is just being removed; it looks again
                    self.files, self.version = self._drawn()
                took = time.monotonic() - begin

    def _drawn(self) -> tuple[dict[str, bytes], str]:
        """The files of the report by name, and the stamp of the runs that they show."""
        version, out = self.stamp(), Path(self._folder.name)
        try:
            self._draw(out)
        except UserError as error:  # no run is finished yet
            return {"index.html": _live(_waiting(str(error)), version)}, version
        files = {path.name: path.read_bytes() for path in out.iterdir()}
        return {**files, "index.html": _live(files["index.html"].decode(), version)}, version


def _live(page: str, version: str) -> bytes:
    page = page.replace("<html ", f'<html data-served="{version}" ', 1)
    head, end, tail = page.rpartition("</body>")
    return f"{head}{_LIVE}{end}{tail}".encode()


def _waiting(sentence: str) -> str:
    head = '<meta charset="utf-8"><title>waiting for runs</title><link rel="icon" href="data:,">'
    body = f"<p>{escape(sentence)} This page shows the first run when it is finished.</p>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>'
