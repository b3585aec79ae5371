"""Features of a data directory's audio, and their CMVN statistics per speaker, in archives."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.channels import Channel
from asr_prune.corpus.datadir import DataDir, c_order, group_by_speaker
from asr_prune.corpus.segments import Segment
from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices, write_matrices
from asr_prune.features.cmvn import cmvn_stats
from asr_prune.features.compute import Compute, make_compute
from asr_prune.features.options import FeatureOptions
from asr_prune.process import worker_pool
from asr_prune.progress import track

log = logging.getLogger(__name__)

_SHARE = 100  # utterances per process at least: to start one takes as long as about 50 utterances


@dataclass
class ExtractCounts:
    """The result of an extraction."""

    utterances: int = 0
    frames: int = 0
    #: hours of audio, without skipped utterances
    hours: float = 0.0
    #: columns of the features, if they were computed elsewhere
    dim: int = 0
    #: skipped utterance -> reason
    skipped: dict[str, str] = field(default_factory=dict)


def extract(
    data: Path,
    out: Path,
    options: FeatureOptions,
    nj: int = 1,
    longest: float = math.inf,
    channel: Channel = None,
) -> ExtractCounts:
    """Writes features of the data directory `data` and their CMVN statistics to `out`, as archives.

    feats.{ark,scp}: float32 [frames, options.base_dim] per utterance; cmvn.{ark,scp}: `cmvn_stats`
    per speaker.

    nj: number of processes; the bytes do not depend on it. channel: as `read_audio`;
    one named in segments comes first. Audio that cannot be used,
    or is longer than `longest` seconds, is skipped, counted and logged with the reason, as in
    Kaldi. Raises UserError if wav.scp is missing, no utterance is left or `out` cannot be written.
    """
    corpus = DataDir.read(data)
    if not (data / "wav.scp").is_file():
        remedy = "run the corpus stage, or name finished features in features.*.archives"
        raise UserError(f"{data}/wav.scp is missing; {remedy}.")
    counts = ExtractCounts()
    worker = partial(_Worker, options, longest, channel)
    kept = _kept(corpus, worker, nj, counts)
    first = next(kept, None)
    if first is None:
        raise UserError(f"{data}: no utterance gave features: {_first_reason(counts)}")
    write_matrices(out / "feats", chain([first], kept))
    write_cmvn(out, {key: corpus.utt2spk[key] for key in corpus.utt2spk if key not in counts.skipped})
    if counts.skipped:
        log.warning("%s: %d of %d utterances skipped", data, len(counts.skipped), len(corpus.wavs))
    return counts


def _first_reason(counts: ExtractCounts) -> str:
    return next(iter(counts.skipped.values()), "wav.scp is empty; run the corpus stage.")


def _kept(
    corpus: DataDir, make_worker: Callable[[], _Worker], nj: int, counts: ExtractCounts
) -> Iterator[tuple[str, np.ndarray]]:
    jobs = [(key, corpus.wavs[key], corpus.segments.get(key)) for key in sorted(corpus.wavs, key=c_order)]
    with _results(jobs, make_worker, nj) as results:
        for utterance, seconds, result in track(results, len(jobs), f"features {corpus.path}"):
            if isinstance(result, str):
                counts.skipped[utterance] = result
                log.warning("%s skipped: %s", utterance, result)
                continue
            counts.utterances += 1
            counts.frames += len(result)
            counts.hours += seconds / 3600
            yield utterance, result


_Job = tuple[str, str, Segment | None]
_Result = tuple[str, float, np.ndarray | str]


@contextmanager
def _results(jobs: list[_Job], make_worker: Callable[[], _Worker], nj: int) -> Iterator[Iterator[_Result]]:
    """Results in the order of `jobs`.

    Fresh processes, not forks: the fork of a process that holds threads can hang.
    """
    nj = min(nj, len(jobs) // _SHARE)
    if nj <= 1:
        yield map(make_worker(), jobs)
        return
    with worker_pool(nj, "spawn", _start_worker, (make_worker,)) as pool:
        yield pool.map(_work, jobs, chunk=8)


class _Worker:
    def __init__(self, options: FeatureOptions, longest: float, channel: Channel) -> None:
        self.options, self.longest, self.channel = options, longest, channel
        self.compute: Compute = make_compute(options)

    def __call__(self, job: _Job) -> _Result:
        """(utterance, seconds, features or the reason for skipping it)"""
        utterance, place, part = job
        try:
            convert = self.options.resample
            samples, rate = read_audio(place, self.options.rate, part, convert, self.longest, self.channel)
        except UserError as error:
            return utterance, 0.0, str(error)
        features = self.compute(samples)
        if not len(features):
            window = self.options.frame_length_ms
            reason = f"{len(samples)} samples are less than a window of {window:g} ms"
            return utterance, 0.0, f"{place}: {reason}."
        return utterance, len(samples) / rate, features


_worker: _Worker | None = None


def _start_worker(make_worker: Callable[[], _Worker]) -> None:
    global _worker
    _worker = make_worker()


def _work(job: _Job) -> _Result:
    assert _worker is not None, "the pool starts each process with _start_worker"
    return _worker(job)


def write_cmvn(out: Path, utt2spk: dict[str, str]) -> None:
    """Writes out/cmvn.{ark,scp}, the statistics per speaker of out/feats.scp.

    utt2spk: the utterances to include, and their speakers.
    """

    def stats(utterances: list[str]) -> np.ndarray:
        return cmvn_stats(matrix for _, matrix in read_matrices(out / "feats.scp", utterances))

    speakers = group_by_speaker(utt2spk).items()
    write_matrices(out / "cmvn", ((speaker, stats(utterances)) for speaker, utterances in speakers))
