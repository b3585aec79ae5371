"""What must hold between the sets of a corpus: no utterance twice, and, unless one knows why, no speaker in two."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from asr_prune.corpus.datadir import DataDir, c_order
from asr_prune.corpus.wording import counted, examples
from asr_prune.errors import UserError


def across(sets: Mapping[str, DataDir]) -> list[str]:
    """A sentence for each two of `sets` (name -> directory) that share speakers.

    Raises UserError where two share an utterance id.
    """
    told = []
    for (one, left), (two, right) in combinations(sets.items(), 2):
        if twice := sorted(left.text.keys() & right.text.keys(), key=c_order):
            what = f"{one} and {two} share {counted(twice, 'utterance id')}: {examples(twice)}"
            raise UserError(f"{what}; give each utterance an id of its own and put it into one set.")
        if shared := sorted(set(left.utt2spk.values()) & set(right.utt2spk.values()), key=c_order):
            told.append(f"{one} and {two} share {counted(shared, 'speaker')}: {examples(shared)}.")
    return told
