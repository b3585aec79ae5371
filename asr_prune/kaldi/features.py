"""Import of features from Kaldi archives."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from asr_prune.corpus.datadir import DataDir, c_order, read_table
from asr_prune.errors import UserError, counted
from asr_prune.features.archive import read_matrices, write_matrices
from asr_prune.features.extract import ExtractCounts, write_cmvn
from asr_prune.features.shards import write_shards
from asr_prune.files import present

log = logging.getLogger(__name__)


def take_features(source: Path, data: Path, out: Path, frame_shift: float) -> ExtractCounts:
    """Copies the features of the utterances of `data` from source/feats.scp.

    Writes out/feats.{ark,scp}, float32 [frames, dim], and out/cmvn.{ark,scp}: source/cmvn.scp, or
    computed if there is none. frame_shift: seconds. Utterances without features, without frames or
    with values that are not finite are skipped, counted and reported. Raises UserError if an
    archive is missing or damaged, matrices differ in columns, a speaker lacks statistics, or no
    utterance is left.
    """
    scp, corpus, counts = source / "feats.scp", DataDir.read(data), ExtractCounts()
    if not scp.is_file():
        raise UserError(f"{scp} is missing; features.*.archives needs it.")
    kept = _kept(scp, corpus, counts)
    first = next(kept, None)
    if first is None:
        raise UserError(f"{scp} has no usable features for {data}; use the same utterance ids.")
    counts.shards = write_shards(out / "feats", chain([first], kept))
    counts.hours = counts.frames * frame_shift / 3600
    skipped = counts.skipped
    speakers = {utt: spk for utt, spk in corpus.utt2spk.items() if utt not in skipped}
    if present(source / "cmvn.scp"):
        statistics = _statistics(source / "cmvn.scp", sorted(set(speakers.values())), counts.dim)
        write_matrices(out / "cmvn", statistics)
    else:
        write_cmvn(out, speakers)
    if skipped:
        log.warning("%s: %d of %d utterances skipped", data, len(skipped), len(corpus.utt2spk))
    return counts


def _fix(scp: Path) -> str:
    return f"copy the archives of {scp.name} again, or recompute them"


def _kept(scp: Path, corpus: DataDir, counts: ExtractCounts) -> Iterator[tuple[str, np.ndarray]]:
    available = read_table(scp)
    if unknown := available.keys() - corpus.utt2spk.keys():
        log.warning("%s: %s not in %s, left out", scp, counted(unknown, "utterance"), corpus.path)
    wanted = sorted(corpus.utt2spk, key=c_order)
    _skip(counts, {utt: f"no features in {scp}" for utt in wanted if utt not in available})
    for utt, matrix in read_matrices(scp, [utt for utt in wanted if utt in available], _fix(scp)):
        counts.dim = counts.dim or matrix.shape[1]
        if not len(matrix) or not np.isfinite(matrix).all():
            fault = "not finite" if len(matrix) else "empty"
            _skip(counts, {utt: f"its features in {scp} are {fault}"})
            continue
        if matrix.shape[1] != counts.dim:
            columns = f"{utt} has {matrix.shape[1]} columns, others {counts.dim}"
            raise UserError(f"{scp}: {columns}; compute all features with the same options.")
        counts.utterances += 1
        counts.frames += len(matrix)
        yield utt, matrix.astype(np.float32)


def _skip(counts: ExtractCounts, reasons: dict[str, str]) -> None:
    for utt, reason in reasons.items():
        log.warning("%s skipped: %s", utt, reason)
    counts.skipped |= reasons


def _statistics(scp: Path, speakers: list[str], dim: int) -> Iterator[tuple[str, np.ndarray]]:
    fix = f"add all speakers of utt2spk to {scp.name}, or remove it"
    for speaker, stats in read_matrices(scp, speakers, fix):
        if stats.shape != (2, dim + 1):
            shapes = f"statistics of shape {stats.shape} for features with {dim} columns"
            raise UserError(f"{scp}: {speaker} has {shapes}; remove the file.")
        yield speaker, stats.astype(np.float64)
