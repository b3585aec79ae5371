"""Files to transcripts: reading, adapting to speakers, decoding."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from itertools import islice

from asr_prune.decode.decode_set import warn_unfinished
from asr_prune.errors import UserError, counted
from asr_prune.progress import track
from asr_prune.transcribe.recogniser import Requested, RunRecogniser
from asr_prune.transcribe.recordings import Reader, Recording
from asr_prune.transcribe.transcript import Transcript

log = logging.getLogger(__name__)


class Transcriber:
    """skipped: files that could not be read; seconds: of audio transcribed so far.

    channel, longest: as `Reader` takes them. Raises UserError as `RunRecogniser`.
    """

    def __init__(self, recogniser: RunRecogniser, asked: Requested, channel: int | None, longest: float) -> None:
        self.begun, self.search, self.seconds = time.perf_counter(), 0.0, 0.0
        self.asked, self.recogniser = asked, recogniser
        self.listen = self.recogniser.recogniser(asked)
        self.reader = Reader(self.recogniser.raw_options, channel, longest)
        self.skipped: list[str] = []
        self.files = 0

    def read(self, paths: Sequence[str]) -> list[Recording]:
        """The files that can be read; the others are told and counted. Raises UserError where there is none, or a file
        is named twice.
        """
        if twice := [path for i, path in enumerate(paths) if path in paths[:i]]:
            raise UserError(f"{twice[0]} is named twice; name each file once.")
        found = []
        for path in track(paths, len(paths), "reading"):
            try:
                found.append(self.reader(path))
            except UserError as error:
                log.warning("skipped: %s", error)
                self.skipped.append(path)
        if not found:
            raise UserError("no file could be read; what is wrong with each is told above.")
        return found

    def transcripts(self, recordings: Sequence[Recording], whose: str) -> Iterator[Transcript]:
        """One after the other, as they are done; whose: as in `Recording.speaker`."""
        raw = {name: feats for made in recordings for name, feats in made.feats.items()}
        speakers = {name: made.speaker(whose) for made in recordings for name in made.feats}
        feats = self.recogniser.features(raw, speakers)
        heard = self.recogniser.recognise(
            self.listen, ({name: feats[name] for name in made.starts} for made in recordings)
        )
        unfinished, untimed = list[str](), list[str]()
        for made in recordings:
            own = dict(islice(heard, len(made.starts)))
            unfinished += [name for name, one in own.items() if not one.finished]
            untimed += [name for name, one in own.items() if self.asked.times and len(one.spans) < len(one.words)]
            self.search += sum(one.seconds for one in own.values())
            self.seconds, self.files = self.seconds + made.seconds, self.files + 1
            yield Transcript.of(made, own, self.recogniser.shift)
        warn_unfinished(unfinished)
        if untimed:
            told = "%d pieces have words that do not fit their audio and no times: %s"
            log.warning(told, len(untimed), ", ".join(untimed[:5]))

    def summary(self) -> str:
        """Files and seconds, and real-time factors: of all by the clock, and of the search by the processors."""
        took, speech = time.perf_counter() - self.begun, max(self.seconds, 1e-9)
        left = f", {len(self.skipped)} skipped" if self.skipped else ""
        head = f"{counted(range(self.files), 'file')}, {self.seconds:.1f} s of audio{left}: {took:.1f} s"
        return f"{head}, real-time factor {took / speech:.4f} (search alone {self.search / speech:.4f})"
