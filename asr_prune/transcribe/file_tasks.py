"""Audio files that other machines transcribe: a task for each file, or for the files of a speaker."""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from asr_prune.corpus.channels import Channel
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.recognisers import GraphRecogniser
from asr_prune.errors import UserError
from asr_prune.files import atomic, scratch_dir
from asr_prune.progress import track
from asr_prune.run_dir import RunDir
from asr_prune.spread.executor import Executor
from asr_prune.spread.task import Task
from asr_prune.transcribe.recogniser import Requested, RunRecogniser
from asr_prune.transcribe.recordings import speaker_of
from asr_prune.transcribe.transcribe import Transcriber
from asr_prune.transcribe.transcript import Transcript


@dataclass(frozen=True)
class FilesHeard:
    """What a task has transcribed. seconds: of audio; search: CPU seconds."""

    transcripts: list[Transcript]
    skipped: list[str]
    seconds: float
    search: float


def transcripts_elsewhere(
    transcriber: Transcriber, of: RunRecogniser, files: Sequence[str], whose: str, workers: Executor
) -> list[Transcript]:
    """The transcripts of the files that can be read, in their order.

    transcriber: counts them; of: its recogniser; whose: as in `Recording.speaker`. Raises UserError
    as `Transcriber.read`, and if a worker cannot read what this machine can.
    """
    transcriber.need_once(files)
    speakers: dict[str, list[str]] = {}
    for file in files:
        speakers.setdefault(speaker_of(file, whose), []).append(file)
    reader, heard = transcriber.reader, list[FilesHeard]()
    requested, plain = transcriber.requested, transcriber.plain
    if isinstance(plain, GraphRecogniser):
        requested = replace(requested, lm_weight=plain.point[0], penalty=plain.point[1])
    common = {"run": of.run, "decoding": of.decoding, "requested": requested, "whose": whose}
    common |= {"channel": reader.channel, "longest": reader.longest, "of": uuid.uuid4().hex}
    with scratch_dir("transcripts") as folder:
        tasks = [
            Task(
                f"transcribing {own[0]}",
                f"{__name__}:transcribe_files",
                {**common, "files": own},
                folder / f"{number}.pickle",
            )
            for number, own in enumerate(speakers.values())
        ]
        for task in track(workers.run(tasks), len(tasks), "transcribing, speakers"):
            heard.append(pickle.loads(task.output.read_bytes()))
    for own in heard:
        _need_unreadable(transcriber, own.skipped)
        transcriber.count(own.skipped, len(own.transcripts), own.seconds, own.search)
    found = {own.file: own for each in heard for own in each.transcripts}
    return [found[file] for file in files if file in found]


def _need_unreadable(transcriber: Transcriber, skipped: Sequence[str]) -> None:
    for path in skipped:
        try:
            transcriber.reader(path)
        except UserError:
            continue
        raise UserError(
            f"{path} cannot be read by a worker, but by this machine; let the workers see it under the"
            " same path, or leave --executor out."
        )


def transcribe_files(
    run: RunDir,
    decoding: Decoding,
    requested: Requested,
    whose: str,
    channel: Channel,
    longest: float,
    of: str,
    files: Sequence[str],
    out: Path,
) -> None:
    """A task: writes a pickled `FilesHeard` of some files; of: names the command that asks."""
    recogniser = _recogniser(of, pickle.dumps((run, decoding)))
    transcriber = Transcriber(recogniser, requested, channel, longest)
    recordings = transcriber.readable(files)
    found = list(transcriber.transcripts(recordings, whose)) if recordings else []
    with atomic(out, "wb") as file:
        pickle.dump(FilesHeard(found, transcriber.skipped, transcriber.seconds, transcriber.search), file)


@lru_cache(maxsize=1)
def _recogniser(of: str, places: bytes) -> RunRecogniser:
    """Loaded once for a command: a later one may find another network under the same name."""
    return RunRecogniser(*pickle.loads(places))
