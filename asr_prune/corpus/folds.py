"""Folds of a corpus for cross-validation: no two share a speaker."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from asr_prune.corpus.datadir import DataDir, c_order
from asr_prune.errors import UserError, counted
from asr_prune.layout import SETS

log = logging.getLogger(__name__)


def deal_speakers(words: Mapping[str, int], count: int, key: str = "corpus.folds") -> list[list[str]]:
    """Speakers dealt to `count` folds of about as many words: the speaker with most words first,
    each to the fold that has fewest.

    words: of each speaker, or another measure of how much there is; key: of the recipe, that asks.
    Nothing is random, so that all methods and seeds have the same folds. Raises UserError if there
    are fewer speakers than folds.
    """
    if len(words) < count:
        what, why = f"there are {counted(list(words), 'speaker')}", f"who cannot be dealt to {count} parts"
        raise UserError(f"{what}, {why}; set {key} to fewer, or leave it out.")
    folds: list[list[str]] = [[] for _ in range(count)]
    sums = [0] * count
    for speaker in sorted(words, key=lambda name: (-words[name], c_order(name))):
        fold = min(range(count), key=lambda number: (sums[number], len(folds[number]), number))
        folds[fold].append(speaker)
        sums[fold] += words[speaker]
    return folds


def sets_of_fold(folds: Sequence[Sequence[str]], fold: int) -> dict[str, set[str]]:
    """The speakers of train, dev and test of a fold, counted from 1: it is the test set, the next
    one (after the last the first) is dev, the others are train.
    """
    test, dev = folds[fold - 1], folds[fold % len(folds)]
    others = (fold for fold in folds if fold is not test and fold is not dev)
    return {"train": {name for fold in others for name in fold}, "dev": set(dev), "test": set(test)}


def write_fold(sources: Sequence[Path], outs: Mapping[str, Path], count: int, fold: int) -> list[Path]:
    """Writes the data directories of a fold. Returns the files `segments` among theirs.

    sources: data directories of the whole corpus; outs: those of train, dev and test; count: of
    folds; fold: which, from 1. Raises UserError as `deal_speakers`, or if a source has no
    transcripts, or audio is missing from some.
    """
    whole = _together([DataDir.read(folder) for folder in sources])
    words = {name: sum(len(whole.text[utt]) for utt in utts) for name, utts in whole.spk2utt.items()}
    speakers = sets_of_fold(deal_speakers(words, count), fold)
    for part in SETS:
        chosen = [utt for utt, name in whole.utt2spk.items() if name in speakers[part]]
        data = whole.subset(chosen, outs[part])
        data.write()
        spoken = sum(map(len, data.text.values()))
        size = len(data.text), len(speakers[part]), spoken
        log.info("  %-5s %6d utterances  %4d speakers  %7d words", part, *size)
    return [path for part in SETS if (path := outs[part] / "segments").is_file()]


def _together(sets: Sequence[DataDir]) -> DataDir:
    """All utterances of some sets, which share none."""
    whole = DataDir(Path())
    without = [str(data.path) for data in sets if not data.wavs]
    if 0 < len(without) < len(sets):
        what = f"{' and '.join(without)} without wav.scp, beside sets with audio, cannot be dealt to folds"
        raise UserError(f"{what}; give all sets audio, or none, or set corpus.folds to 0.")
    for data in sets:
        if data.silent:
            what = f"{data.path} has no transcripts, and every fold is a test set once"
            raise UserError(f"{what}; give it some, or set corpus.folds to 0.")
        whole.wavs |= data.wavs
        whole.text |= data.text
        whole.utt2spk |= data.utt2spk
        whole.segments |= data.segments
    return _named_apart(whole, sets)


def _named_apart(whole: DataDir, sets: Sequence[DataDir]) -> DataDir:
    """`whole`, with the set in the name of each recording that is another file in another set."""
    files: dict[str, set[str]] = {}
    for utt, segment in whole.segments.items():
        files.setdefault(segment.recording, set()).add(whole.wavs[utt])
    for data in sets:
        for utt, segment in data.segments.items():
            if len(files[segment.recording]) > 1:
                own = f"{data.path.name}-{segment.recording}"
                whole.segments[utt] = replace(segment, recording=own)
    return whole
