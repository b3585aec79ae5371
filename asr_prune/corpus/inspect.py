"""Opening many audio files once: their lengths and faults, in several processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from asr_prune.corpus.audio import measure_audio
from asr_prune.corpus.audio_file import AudioProblem, wav_header
from asr_prune.corpus.channels import ANY, Channel
from asr_prune.corpus.datadir import DataDir
from asr_prune.progress import track
from asr_prune.spread.executor import elsewhere, unseen_audio
from asr_prune.spread.pieces import PieceWorkers, piece_workers, runs

#: files of a task at least: to start a process takes as long as to read about 50 utterances
_TASK_FILES = 100


@dataclass
class Inspected:
    """What inspection found; keys are those of the argument."""

    #: kind of AudioProblem -> key -> detail
    problems: dict[str, dict[str, str]] = field(default_factory=dict)
    #: key -> seconds, of the files that can be read
    seconds: dict[str, float] = field(default_factory=dict)
    #: WAV files whose header has no length, which are read to their end
    streamed: list[str] = field(default_factory=list)


class Measured(NamedTuple):
    """A file. hertz: 0 if it cannot be read, for the reason `kind` and `detail`; streamed: whether
    it is a WAV file whose header has no length.
    """

    hertz: int
    samples: int = 0
    streamed: bool = False
    kind: str = ""
    detail: str = ""

    @classmethod
    def of(cls, path: str, decode: bool, channels: Collection[Channel]) -> Measured:
        """decode, channels: as in `measure_audio`."""
        try:
            hertz, samples = measure_audio(path, decode, channels)
        except AudioProblem as problem:
            return cls(0, kind=problem.kind, detail=problem.detail)
        header = wav_header(path)
        return cls(hertz, samples, bool(header and header.size is None))


#: a file's path, and the channels that are read
_File = tuple[str, Collection[Channel]]


def inspect_audio(
    wavs: Mapping[str, str],
    rate: int | None = None,
    decode: bool = True,
    channels: Mapping[str, Collection[Channel]] | None = None,
    nj: int = 1,
) -> Inspected:
    """Opens each of `wavs` (utterance or recording -> path) once and sorts the problems by kind.
    Raises UserError if a worker elsewhere finds one that this machine does not.

    rate: hertz that the files must have; None: the most frequent one; 0: any. decode: as in
    `measure_audio`. channels: of each of them that are read (None: all are mono). nj: number of
    processes.
    """
    result, rates = Inspected(), dict[str, int]()
    files = [(path, (channels or {}).get(key, (None,))) for key, path in wavs.items()]
    for key, file in zip(wavs, _measured(files, decode, nj), strict=True):
        if not file.hertz:
            result.problems.setdefault(file.kind, {})[key] = file.detail
            continue
        rates[key], result.seconds[key] = file.hertz, file.samples / file.hertz
        if file.streamed:
            result.streamed.append(key)
    expected = Counter(rates.values()).most_common(1)[0][0] if rates and rate is None else rate
    odd = {key: f"{hz} Hz, not {expected}" for key, hz in rates.items() if hz != expected}
    if expected and odd:
        result.problems["wrong-rate"] = odd
    return result


def _measured(files: Sequence[_File], decode: bool, nj: int) -> Iterator[Measured]:
    """In the order of `files`."""
    found = runs([1] * len(files), _TASK_FILES)
    with _workers(nj if len(found) > 1 else 1) as others:
        if others is None:
            yield from measure_files(track(files, len(files), "audio"), decode)
            return
        pieces = [{"files": files[run.start : run.stop]} for run in found]
        job = "asr_prune.corpus.inspect:measure_files"
        own = iter(files)
        for part in others.map(job, pieces, {"decode": decode}, {}, "audio, in parts"):
            yield from part if elsewhere() is None else _agreed(part, own, decode)


def _agreed(found: list[Measured], files: Iterator[_File], decode: bool) -> Iterator[Measured]:
    """What a worker found of the next `files`."""
    for file, (path, channels) in zip(found, islice(files, len(found)), strict=True):
        if not file.hertz and Measured.of(path, decode, channels).hertz:
            raise unseen_audio(f"{path}: {file.detail}")
        yield file


@contextmanager
def _workers(nj: int) -> Iterator[PieceWorkers | None]:
    """Processes of this machine need no folder of the project, which may be read-only."""
    if elsewhere() is not None:
        with piece_workers(nj, Path("audio")) as others:
            yield others
        return
    with TemporaryDirectory() as folder, piece_workers(nj, Path(folder) / "audio") as others:
        yield others


def measure_files(files: Iterable[_File], decode: bool) -> list[Measured]:
    """A piece of `inspect_audio`."""
    return [Measured.of(path, decode, channels) for path, channels in files]


def utterance_seconds(data: DataDir, lengths: Mapping[str, float] | None = None) -> dict[str, float]:
    """Seconds of each utterance whose audio can be read, from its segment or its file's header.

    lengths: seconds of the recordings, or of the utterances that are whole files, if they are
    known.
    """
    if lengths is None:
        recordings = {segment.recording: data.wavs[key] for key, segment in data.segments.items()}
        files = recordings or data.wavs
        lengths = inspect_audio(files, 0, False, dict.fromkeys(files, ANY)).seconds
    if not data.segments:
        return dict(lengths)
    seconds = {}
    for key, segment in data.segments.items():
        with suppress(ValueError, KeyError):
            start, end = segment.span(lengths[segment.recording])
            seconds[key] = end - start
    return seconds
