"""Transcription of audio files: reading, speaker adaptation, decoding."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice

from asr_prune.corpus.channels import Channel
from asr_prune.decode.recognisers import Hypothesis, Recogniser
from asr_prune.decode.unfinished import warn_unfinished
from asr_prune.errors import UserError, counted, first_few
from asr_prune.progress import track
from asr_prune.transcribe.joins import Placed, joined, placed
from asr_prune.transcribe.recogniser import NetworkRecogniser, Requested
from asr_prune.transcribe.recordings import AudioReader, Recording
from asr_prune.transcribe.transcript import Transcript, Word

log = logging.getLogger(__name__)

_NOTHING = Hypothesis([], [], [], 0, True, 0.0)


class Transcriber:
    """Transcribes audio files with the recogniser of a run or of a packed model.

    channel, longest: as `AudioReader`. Attributes: skipped: files that could not be read; files:
    number transcribed so far; seconds: their audio; search: CPU seconds of the search. Raises
    UserError as `NetworkRecogniser.recogniser`.
    """

    def __init__(
        self,
        recogniser: NetworkRecogniser,
        requested: Requested,
        channel: Channel,
        longest: float,
    ) -> None:
        self.begun, self.search, self.seconds = time.perf_counter(), 0.0, 0.0
        self.requested, self.recogniser = requested, recogniser
        self.plain = recogniser.recogniser(requested)
        self.recognise = self._searching(self.plain)
        self.reader = AudioReader(recogniser.raw_options, channel, longest, requested.all_sound)
        self.skipped: list[str] = []
        self.files = 0

    @cached_property
    def _timing(self) -> Recogniser:
        """With times, by which overlapping pieces are joined."""
        return self._searching(self.recogniser.timed(self.plain))

    def _searching(self, recognise: Recogniser) -> Recogniser:
        return recognise if self.requested.all_sound else self.recogniser.speech_only(recognise)

    def read(self, paths: Sequence[str]) -> list[Recording]:
        """The recordings of the readable files; others are logged and counted in `skipped`.

        Raises UserError if no file can be read or one is given twice.
        """
        self.need_once(paths)
        recordings = self.readable(track(paths, len(paths), "reading"))
        if not recordings:
            raise UserError("no file could be read; the lines above give the reason for each.")
        return recordings

    def need_once(self, paths: Sequence[str]) -> None:
        """Raises UserError if a file is given twice."""
        if repeated := [path for i, path in enumerate(paths) if path in paths[:i]]:
            raise UserError(f"{repeated[0]} is given twice; give each file once.")

    def readable(self, paths: Iterable[str]) -> list[Recording]:
        """As `read`, which may be none."""
        recordings = []
        for path in paths:
            try:
                recordings.append(self.reader(path))
            except UserError as error:
                log.warning("skipped: %s", error)
                self.skipped.append(path)
        return recordings

    def count(self, skipped: Sequence[str], files: int, seconds: float, search: float) -> None:
        """Adds what another process has transcribed to the figures."""
        self.skipped += skipped
        self.files, self.seconds, self.search = self.files + files, self.seconds + seconds, self.search + search

    def transcripts(
        self,
        recordings: Sequence[Recording],
        whose: str,
        hear: Callable[[Recording, list[Word]], None] | None = None,
        bar: bool = False,
    ) -> Iterator[Transcript]:
        """Yields the transcripts as they are done.

        whose: as in `Recording.speaker`; hear: gets the words of each piece as soon as they are
        known; bar: report progress. Files and pieces without speech are logged.
        """
        pieces = self._pieces(recordings, whose)
        if bar:
            total = sum(len(each.starts) for each in recordings)
            pieces = track(pieces, total, "recognising, pieces")
        unfinished, untimed = list[str](), list[str]()
        for recording in recordings:
            hyps, words = dict[str, Hypothesis](), list[Word]()
            heard = self._heard(recording, islice(pieces, len(recording.starts)), hyps)
            for own in joined(heard, recording.borders):
                words += own
                if hear:
                    hear(recording, own)
            unfinished += [name for name, hyp in hyps.items() if not hyp.finished]
            untimed += self._untimed(hyps)
            self.seconds, self.files = self.seconds + recording.seconds, self.files + 1
            yield Transcript.of(recording, words)
            if not self.requested.all_sound:
                _report_silence(recording, hyps)
        warn_unfinished(unfinished)
        if untimed:
            text = "%d pieces have words that do not fit their audio and no times: %s"
            log.warning(text, len(untimed), ", ".join(untimed[:5]))

    def _heard(
        self,
        recording: Recording,
        pieces: Iterable[tuple[str, Hypothesis]],
        hyps: dict[str, Hypothesis],
    ) -> Iterator[list[Placed]]:
        """The words of each piece, as they are recognised, which `hyps` keeps."""
        for name, hyp in pieces:
            hyps[name] = hyp
            self.search += hyp.seconds
            start = recording.starts[name] - recording.contexts[name]
            yield placed(hyp, start, self.recogniser.shift, self.requested.times)

    def _pieces(self, recordings: Sequence[Recording], whose: str) -> Iterator[tuple[str, Hypothesis]]:
        """The pieces of all recordings in order; no words for those without features."""
        raw = {name: feats for each in recordings for name, feats in each.feats.items()}
        speakers = {name: each.speaker(whose) for each in recordings for name in each.feats}
        feats = self.recogniser.features(raw, speakers) if raw else {}
        # batches of one piece: as many frames in memory whatever the length of the file
        groups = ({name: feats[name]} for name in raw)
        overlap = any(border is not None for each in recordings for border in each.borders)
        results = self.recogniser.recognise(self._timing if overlap else self.recognise, groups)
        names = (name for each in recordings for name in each.starts)
        return (next(results) if name in raw else (name, _NOTHING) for name in names)

    def _untimed(self, hyps: Mapping[str, Hypothesis]) -> list[str]:
        """The pieces with words that lack requested times."""
        if not self.requested.times:
            return []
        return [name for name, hyp in hyps.items() if len(hyp.spans) < len(hyp.words)]

    def summary(self) -> str:
        """Files, seconds and real-time factors: wall-clock of all, CPU time of the search."""
        took, speech = time.perf_counter() - self.begun, max(self.seconds, 1e-9)
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        files = counted(range(self.files), "file")
        factors = f"{took / speech:.4f} (search alone {self.search / speech:.4f})"
        audio = f"{self.seconds:.1f} s of audio{skipped}"
        return f"{files}, {audio}: {took:.1f} s, real-time factor {factors}"


def _report_silence(recording: Recording, hyps: Mapping[str, Hypothesis]) -> None:
    """Logs if the file has no speech, or which pieces of it have none."""
    starts = [recording.starts[name] for name, hyp in hyps.items() if hyp.finished and not hyp.words]
    if len(starts) == len(hyps):
        log.warning("%s: no speech found", recording.path)
    elif starts:
        places = first_few(f"{start:.1f} s" for start in starts)
        pieces = f"{len(starts)} of {len(hyps)} pieces"
        log.warning("%s: no speech found in %s, from %s", recording.path, pieces, places)
