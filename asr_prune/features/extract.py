"""Features of a data directory's audio, and their CMVN statistics per speaker, in archives."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from asr_prune.corpus.channels import Channel
from asr_prune.corpus.datadir import DataDir, c_order, group_by_speaker
from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices, write_matrices
from asr_prune.features.cmvn import cmvn_stats
from asr_prune.features.options import FeatureOptions
from asr_prune.features.parts import SpokenPart, is_whole, join_parts, part_tasks, read_part, reader
from asr_prune.progress import track
from asr_prune.run_dir import portions_of
from asr_prune.spread.executor import elsewhere, executor, unseen_audio
from asr_prune.spread.task import Task

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
    #: archives after feats.ark, of a large set
    shards: list[Path] = field(default_factory=list)


def extract(
    data: Path,
    out: Path,
    options: FeatureOptions,
    nj: int = 1,
    longest: float = math.inf,
    channel: Channel = None,
) -> ExtractCounts:
    """Writes features of the data directory `data` and their CMVN statistics to `out`, as archives.

    feats.{ark,scp}: float32 [frames, options.base_dim] per utterance, in shards if they are many, see
    `join_shards`; cmvn.{ark,scp}: `cmvn_stats` per speaker.

    nj: number of processes, if the command has not chosen other machines; the bytes do not depend
    on that. channel: as `read_audio`; one named in segments comes first. Audio that cannot be used,
    or is longer than `longest` seconds, is skipped, counted and logged with the reason, as in
    Kaldi. Goes on from the parts that an interrupted extraction of the same left beside `out`.
    Raises UserError if wav.scp is missing, no utterance is left or `out` cannot be written.
    """
    corpus = DataDir.read(data)
    if not (data / "wav.scp").is_file():
        remedy = "run the corpus stage, or name finished features in features.*.archives"
        raise UserError(f"{data}/wav.scp is missing; {remedy}.")
    names = sorted(corpus.wavs, key=c_order)
    sources = [(name, corpus.wavs[name], corpus.segments.get(name)) for name in names]
    parts = portions_of(out)
    tasks = part_tasks(sources, str(data), parts, options, longest, channel)
    _do(tasks, str(data), min(nj, len(sources) // _SHARE))
    counts = _counts(tasks)
    if not counts.utterances:
        raise UserError(f"{data}: no utterance gave features: {_first_reason(counts)}")
    counts.shards = join_parts([task.output for task in tasks], out / "feats")
    write_cmvn(out, {key: corpus.utt2spk[key] for key in corpus.utt2spk if key not in counts.skipped})
    if counts.skipped:
        log.warning("%s: %d of %d utterances skipped", data, len(counts.skipped), len(corpus.wavs))
    shutil.rmtree(parts, ignore_errors=True)
    return counts


def _first_reason(counts: ExtractCounts) -> str:
    return next(iter(counts.skipped.values()), "wav.scp is empty; run the corpus stage.")


def _do(tasks: Sequence[Task], name: str, nj: int) -> None:
    """Does the tasks that an interrupted extraction has left."""
    waiting = [task for task in tasks if not is_whole(task)]
    if done := len(tasks) - len(waiting):
        log.info("  %s: %d of %d parts are done already; going on", name, done, len(tasks))
    with executor(max(nj, 1)) as workers:
        for _ in track(workers.run(waiting), len(waiting), f"features {name}, parts"):
            pass


def _counts(tasks: Sequence[Task]) -> ExtractCounts:
    """Counts, and logs what is skipped; an utterance that was not heard elsewhere is tried here."""
    counts = ExtractCounts()
    for task in tasks:
        sources = {source[0]: source for source in task.arguments["sources"]}
        for utterance, *told in read_part(task.output)["rows"]:
            if len(told) == 1:
                _need_silence_here(task, sources[utterance], told[0])
                counts.skipped[utterance] = told[0]
                log.warning("%s skipped: %s", utterance, told[0])
                continue
            counts.utterances += 1
            counts.frames += told[1]
            counts.hours += told[0] / 3600
    return counts


def _need_silence_here(task: Task, source: SpokenPart, reason: str) -> None:
    """Raises UserError if audio that a worker skipped can be used here."""
    if elsewhere() is None:
        return
    options, longest, channel = (task.arguments[key] for key in ("options", "longest", "channel"))
    if not isinstance(reader(options, longest, channel)(source)[1], str):
        raise unseen_audio(reason)


def write_cmvn(out: Path, utt2spk: dict[str, str]) -> None:
    """Writes out/cmvn.{ark,scp}, the statistics per speaker of out/feats.scp.

    utt2spk: the utterances to include, and their speakers.
    """

    def stats(utterances: list[str]) -> np.ndarray:
        return cmvn_stats(matrix for _, matrix in read_matrices(out / "feats.scp", utterances))

    speakers = group_by_speaker(utt2spk).items()
    write_matrices(out / "cmvn", ((speaker, stats(utterances)) for speaker, utterances in speakers))
