"""How far and how fast a search over a set goes, and advice if it is slower than speech."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from asr_prune.decode.options import DecodeOptions
from asr_prune.features.stored import frames_of
from asr_prune.progress import on_terminal, track
from asr_prune.spread.processes import each

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")
_MINUTE = 60.0


@dataclass(frozen=True)
class Audio:
    """What is to be searched.

    utterances, seconds: of audio, 0 if unknown; row: seconds of audio per row of log-likelihoods.
    """

    utterances: int = 0
    seconds: float = 0.0
    row: float = 0.01


#: nothing is known
UNKNOWN = Audio()


def audio_of(feats: Mapping[str, np.ndarray], frame_shift: float, stride: int = 1) -> Audio:
    """The length of some features [frames, dim] by utterance.

    frame_shift: seconds; stride: frames per row of log-likelihoods.
    """
    frames = sum(frames_of(feats).values())
    return Audio(len(feats), frames * frame_shift, frame_shift * stride)


@dataclass(frozen=True)
class SetSearch:
    """A search as its user knows it.

    label: of its bar and lines; options: its beams; settings: the settings of the recipe that are
    `options.beam` and `options.max_active`, None if no setting changes them.
    """

    label: str
    options: DecodeOptions
    settings: tuple[str, str] | None = ("decode.beam", "decode.max_active")

    def advice(self) -> str:
        """Settings that make it faster, as they are typed."""
        if self.settings is None:
            return ""
        options, (beam, active) = self.options, self.settings
        narrower = [f"--set {beam}={0.8 * options.beam:.3g}"]
        if (half := options.max_active // 2) >= max(options.min_active, 2):
            narrower.insert(0, f"--set {active}={half}")
        return (
            f" with {beam} {options.beam:g} and {active} {options.max_active}; to make it faster, add"
            f" {' or '.join(narrower)}, which decodes from the beginning"
        )


class Pace:
    """What is done of `audio`, counted from now on; clock: seconds."""

    def __init__(self, search: SetSearch, audio: Audio, clock: Callable[[], float] = time.monotonic) -> None:
        self.search, self.audio, self.clock = search, audio, clock
        self.done, self.seconds, self.cpu = 0, 0.0, 0.0
        self.start = self.said = clock()
        self.judged = False

    def add(self, rows: int, cpu: float) -> None:
        """Counts an utterance of `rows` log-likelihoods that took `cpu` seconds of CPU time.

        Logs a line a minute where no bar is shown. After the first minute warns if a second of
        audio takes more than a second of CPU time.
        """
        self.done += 1
        self.seconds += rows * self.audio.row
        self.cpu += cpu
        now = self.clock()
        if now - self.said >= _MINUTE:
            self.said = now
            self._say()
        if not self.judged and now - self.start >= _MINUTE:
            self.judged = True
            self._judge()

    def end(self) -> None:
        """Logs the last line of a search of more than two seconds, where no bar was shown."""
        if self.clock() - self.start > 2:
            self._say()

    def hours(self) -> str:
        """Hours done and, of what is done, real-time factors: of one process (CPU time) and of all
        (wall time).
        """
        of = f" of {self.audio.seconds / 3600:.2f}" if self.audio.seconds else ""
        hours = f"{self.seconds / 3600:.2f}{of} h"
        if not self.seconds:
            return hours
        wall = (self.clock() - self.start) / self.seconds
        return f"{hours}, real-time factor {self.cpu / self.seconds:.3g} a process, {wall:.3g} in all"

    def _say(self) -> None:
        if not on_terminal():
            of = f" of {self.audio.utterances}" if self.audio.utterances else ""
            log.info("  %s: %d%s utterances, %s", self.search.label, self.done, of, self.hours())

    def _judge(self) -> None:
        factor = self.cpu / max(self.seconds, 1e-9)
        if factor > 1:
            text = "%s is slower than speech: %.3g s of CPU time a second of audio%s"
            log.warning(text, self.search.label, factor, self.search.advice())


def each_paced(
    work: Callable[[str, Any], _Result],
    items: Iterable[tuple[str, Any]],
    nj: int,
    search: SetSearch,
    audio: Audio,
) -> Generator[tuple[str, _Result]]:
    """As `each`, reporting the pace.

    items: (utterance, log-likelihoods [rows, classes]). On a terminal a bar by utterances, with
    hours and real-time factors; elsewhere a line a minute.
    """
    pace = Pace(search, audio)
    results = each(_Timed(work), items, nj)
    for utt, (result, rows, cpu) in track(results, audio.utterances, search.label, pace.hours):
        pace.add(rows, cpu)
        yield utt, result
    pace.end()


@dataclass(frozen=True)
class _Timed:
    """Adds the number of rows and the seconds of CPU time to what `work` returns."""

    work: Callable[[str, Any], Any]

    def __call__(self, utt: str, item: Any) -> tuple[Any, int, float]:
        start = time.process_time()
        result = self.work(utt, item)
        return result, len(item), time.process_time() - start
