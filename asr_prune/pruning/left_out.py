"""Speakers whom a network does not hear, so that it may teach others of them.

A network has learnt its training speakers by heart: its posteriors there say little more than the
labels. Of speakers whom it has not heard they say what it is unsure of. When each part of the
speakers is left out by one of several teachers, every utterance has one that has not heard it
(cross-fitting: Dao, Kamath, Syrgkanis and Mackey 2021, "Knowledge distillation as semiparametric
inference", arXiv 2104.09732).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from asr_prune.corpus.folds import deal_speakers
from asr_prune.errors import counted
from asr_prune.features.stored import Stored

log = logging.getLogger(__name__)


def leave_out(train: Stored, speakers: Mapping[str, str], part: tuple[int, int] | None) -> tuple[Stored, list[str]]:
    """The training set without a part of its speakers, and these. All if `part` is None.

    speakers: by utterance; part: which of how many, as even in frames as whole speakers can be; the
    same for every seed. Raises UserError if there are fewer speakers than parts.
    """
    if part is None:
        return train, []
    frames: dict[str, int] = {}
    for name, count in train.frames.items():
        frames[speakers[name]] = frames.get(speakers[name], 0) + count
    number, parts = part
    left = sorted(deal_speakers(frames, parts, "the number of parts in train.leave_out")[number - 1])
    absent = unheard(left, speakers)
    kept = [name for name in train if name not in absent]
    log.info("%s left out: %d of %d utterances remain", counted(left, "speaker"), len(kept), len(train))
    return train.only(kept), left


def unheard(left_out: Sequence[str], speakers: Mapping[str, str]) -> frozenset[str]:
    """The utterances of speakers that a teacher left out. speakers: by utterance."""
    absent = set(left_out)
    return frozenset(name for name, speaker in speakers.items() if speaker in absent)
