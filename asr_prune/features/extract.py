"""A data directory's audio to archives of features, and their statistics per speaker."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from asr_prune.corpus.audio import read_audio
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


@dataclass
class ExtractCounts:
    """What an extraction made and what it left out."""

    utterances: int = 0
    frames: int = 0
    #: of audio turned into features
    hours: float = 0.0
    #: columns of the features, where they were made elsewhere
    dim: int = 0
    #: utterance -> why it was left out
    skipped: dict[str, str] = field(default_factory=dict)


def extract(data: Path, out: Path, options: FeatureOptions, nj: int = 1, longest: float = math.inf) -> ExtractCounts:
    """Writes out/feats.{ark,scp}, float32 [frames, options.base_dim] per utterance, and per speaker out/cmvn.{ark,scp}.

    The statistics are as `cmvn_stats` gives them. `nj` processes share the work; with dither 0 the bytes do not depend
    on it. Audio that cannot be used, or is longer than `longest` seconds, is skipped, counted and logged with the
    reason, as Kaldi does. Raises UserError
    where there is no wav.scp, no utterance is left or `out` cannot be written.
    """
    corpus = DataDir.read(data)
    if not (data / "wav.scp").is_file():
        raise UserError(f"{data}/wav.scp is missing; run the corpus stage, or take features by features.*.archives.")
    counts = ExtractCounts()
    kept = _kept(corpus, options, nj, longest, counts)
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
    corpus: DataDir, options: FeatureOptions, nj: int, longest: float, counts: ExtractCounts
) -> Iterator[tuple[str, np.ndarray]]:
    jobs = [(key, corpus.wavs[key], corpus.segments.get(key)) for key in sorted(corpus.wavs, key=c_order)]
    with _results(jobs, options, nj, longest) as results:
        for utterance, seconds, result in track(results, len(jobs), f"features {corpus.path}"):
            if isinstance(result, str):
                counts.skipped[utterance] = result
                log.warning("%s skipped: %s", utterance, result)
                continue
            counts.utterances += 1
            counts.frames += len(result)
            counts.hours += seconds / 3600
            yield utterance, result


Job = tuple[str, str, Segment | None]
Result = tuple[str, float, np.ndarray | str]


@contextmanager
def _results(jobs: list[Job], options: FeatureOptions, nj: int, longest: float) -> Iterator[Iterator[Result]]:
    """Results in the order of `jobs`. Workers are spawned: a fork of a process with threads can hang."""
    nj = min(nj, len(jobs))
    if nj <= 1:
        worker = _Worker(options, longest)
        yield map(worker, jobs)
        return
    with worker_pool(nj, "spawn", _start_worker, (options, longest)) as pool:
        yield pool.map(_work, jobs, chunk=8)


class _Worker:
    def __init__(self, options: FeatureOptions, longest: float) -> None:
        self.options, self.longest = options, longest
        self.compute: Compute = make_compute(options)

    def __call__(self, job: Job) -> Result:
        """(utterance, seconds, features or the reason why there are none)"""
        utterance, place, part = job
        try:
            own = self.options
            samples, rate = read_audio(place, own.rate, part, own.resample, self.longest)
        except UserError as error:
            return utterance, 0.0, str(error)
        features = self.compute(samples)
        if not len(features):
            window = self.options.frame_length_ms
            return utterance, 0.0, f"{place}: {len(samples)} samples are less than one window of {window:g} ms."
        return utterance, len(samples) / rate, features


_worker: _Worker | None = None


def _start_worker(options: FeatureOptions, longest: float) -> None:
    global _worker
    _worker = _Worker(options, longest)


def _work(job: Job) -> Result:
    assert _worker is not None, "the pool starts each process with _start_worker"
    return _worker(job)


def write_cmvn(out: Path, utt2spk: dict[str, str]) -> None:
    """Writes out/cmvn.{ark,scp}, statistics per speaker of the features in out/feats.scp; utt2spk: of all of them."""

    def stats(utterances: list[str]) -> np.ndarray:
        return cmvn_stats(matrix for _, matrix in read_matrices(out / "feats.scp", utterances))

    speakers = group_by_speaker(utt2spk).items()
    write_matrices(out / "cmvn", ((speaker, stats(utterances)) for speaker, utterances in speakers))
