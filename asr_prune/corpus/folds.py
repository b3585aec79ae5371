"""Folds of a corpus for cross-validation: no two share a speaker."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from asr_prune.corpus.datadir import DataDir, c_order
from asr_prune.errors import UserError, counted
from asr_prune.layout import SETS

log = logging.getLogger(__name__)


def deal_speakers(words: Mapping[str, int], count: int) -> list[list[str]]:
    """Speakers dealt to `count` folds of about as many words: the speaker with most words first,
    each to the fold that has fewest.

    words: of each speaker. Nothing is random, so that all methods and seeds have the same folds.
    Raises UserError if there are fewer speakers than folds.
    """
    if len(words) < count:
        what = f"the corpus has {counted(list(words), 'speaker')}"
        raise UserError(f"{what}, which cannot be dealt to {count} folds; set corpus.folds to fewer, or to 0.")
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
    train = {speaker for other in folds if other is not test and other is not dev for speaker in other}
    return {"train": train, "dev": set(dev), "test": set(test)}


def write_fold(sources: Sequence[Path], outs: Mapping[str, Path], count: int, fold: int) -> list[Path]:
    """Writes the data directories of a fold. Returns the files `segments` among theirs.

    sources: data directories of the whole corpus; outs: those of train, dev and test; count: of
    folds; fold: which, from 1. Raises UserError as `deal_speakers`, or if a source has no
    transcripts.
    """
    whole = _together([DataDir.read(folder) for folder in sources])
    words = {speaker: sum(len(whole.text[utt]) for utt in utts) for speaker, utts in whole.spk2utt.items()}
    speakers = sets_of_fold(deal_speakers(words, count), fold)
    for part in SETS:
        data = whole.subset([utt for utt, one in whole.utt2spk.items() if one in speakers[part]], outs[part])
        data.write()
        spoken = sum(map(len, data.text.values()))
        counts = f"{len(data.text):6d} utterances  {len(speakers[part]):4d} speakers  {spoken:7d} words"
        log.info("  %-5s %s", part, counts)
    return [path for part in SETS if (path := outs[part] / "segments").is_file()]


def _together(sets: Sequence[DataDir]) -> DataDir:
    """All utterances of some sets, which share none."""
    whole = DataDir(Path())
    for data in sets:
        if data.silent:
            what = f"{data.path} has no transcripts, and every fold is a test set once"
            raise UserError(f"{what}; give it some, or set corpus.folds to 0.")
        whole.wavs |= data.wavs
        whole.text |= data.text
        whole.utt2spk |= data.utt2spk
        whole.segments |= data.segments
    return whole
