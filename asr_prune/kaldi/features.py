"""Features made by Kaldi, or by anything that writes its archives, in place of ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from asr_prune.corpus.datadir import DataDir, c_order, read_table
from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices, write_matrices
from asr_prune.features.extract import ExtractCounts, write_cmvn

log = logging.getLogger(__name__)


def take_features(source: Path, data: Path, out: Path, frame_shift: float) -> ExtractCounts:
    """Copies the features of the utterances of `data` from source/feats.scp to out/feats.{ark,scp}, float32 [frames,
    dim], and source/cmvn.scp to out/cmvn.{ark,scp}, computed where there is none.

    frame_shift: seconds. Utterances without features, without frames, or with values that are not finite are skipped,
    counted and logged. Raises UserError where an archive is missing or damaged, the matrices differ in columns, a
    speaker lacks statistics, or no utterance is left.
    """
    scp, corpus, counts = source / "feats.scp", DataDir.read(data), ExtractCounts()
    if not scp.is_file():
        raise UserError(f"{scp} is missing; features.*.archives takes a folder with {source.name}/feats.scp.")
    kept = _kept(scp, corpus, counts)
    first = next(kept, None)
    if first is None:
        raise UserError(f"{scp} has usable features of no utterance of {data}; name the utterances alike in both.")
    write_matrices(out / "feats", chain([first], kept))
    counts.hours = counts.frames * frame_shift / 3600
    speakers = {utt: speaker for utt, speaker in corpus.utt2spk.items() if utt not in counts.skipped}
    if (source / "cmvn.scp").is_file():
        write_matrices(out / "cmvn", _statistics(source / "cmvn.scp", sorted(set(speakers.values())), counts.dim))
    else:
        write_cmvn(out, speakers)
    if counts.skipped:
        log.warning("%s: %d of %d utterances skipped", data, len(counts.skipped), len(corpus.utt2spk))
    return counts


def _mend(scp: Path) -> str:
    return f"copy the archives that {scp.name} names, or make them again"


def _kept(scp: Path, corpus: DataDir, counts: ExtractCounts) -> Iterator[tuple[str, np.ndarray]]:
    there = read_table(scp)
    if unknown := there.keys() - corpus.utt2spk.keys():
        log.warning("%s: %d utterances are not in %s, left out", scp, len(unknown), corpus.path)
    wanted = sorted(corpus.utt2spk, key=c_order)
    _skip(counts, {utt: f"{scp} has no features of it" for utt in wanted if utt not in there})
    for utt, matrix in read_matrices(scp, [utt for utt in wanted if utt in there], _mend(scp)):
        counts.dim = counts.dim or matrix.shape[1]
        if not len(matrix) or not np.isfinite(matrix).all():
            _skip(counts, {utt: f"its features in {scp} are {'not finite' if len(matrix) else 'empty'}"})
            continue
        if matrix.shape[1] != counts.dim:
            raise UserError(
                f"{scp}: {utt} has {matrix.shape[1]} columns, others {counts.dim}; make all features alike."
            )
        counts.utterances += 1
        counts.frames += len(matrix)
        yield utt, matrix.astype(np.float32)


def _skip(counts: ExtractCounts, reasons: dict[str, str]) -> None:
    for utt, reason in reasons.items():
        log.warning("%s skipped: %s", utt, reason)
    counts.skipped |= reasons


def _statistics(scp: Path, speakers: list[str], dim: int) -> Iterator[tuple[str, np.ndarray]]:
    for speaker, stats in read_matrices(scp, speakers, f"let {scp.name} hold every speaker of utt2spk, or remove it"):
        if stats.shape != (2, dim + 1):
            raise UserError(f"{scp}: {speaker} has statistics {stats.shape} of features with {dim} columns; remove it.")
        yield speaker, stats.astype(np.float64)
