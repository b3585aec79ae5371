"""Alignments cut into phones (Kaldi: SplitToPhones of hmm-utils.cc), without a loop over frames."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from asr_prune.hmm.gmm import Bools, Ints, Longs
from asr_prune.hmm.tying.transitions import Transitions

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Segments:
    """Phones of all utterances in order of time.

    phones int32 and utterances (their number) int64 [segments]; owner: the segment of each frame, int64 [frames], -1
    where the utterance is not aligned.
    """

    phones: Ints
    utterances: Longs
    owner: Longs

    def windows(self, width: int, central: int) -> Ints:
        """Each phone at place `central` between its neighbours, 0 beyond the utterance; int32 [segments, width]."""
        out = np.zeros((len(self.phones), width), np.int32)
        own = np.arange(len(self.phones))
        for place in range(width):
            other = own + place - central
            inside = (other >= 0) & (other < len(own))
            inside[inside] = self.utterances[other[inside]] == self.utterances[inside]
            out[inside, place] = self.phones[other[inside]]
        return out


def phone_segments(transitions: Transitions, ids: Ints, bounds: Longs) -> Segments:
    """Phones of an alignment whose self-loops follow the way out (reorder=True).

    ids: transition-ids [frames], 0 in utterances that are not aligned; bounds [utterances + 1]. An utterance that does
    not go through whole phones is treated as not aligned, and the count told.
    """
    enters = ~transitions.self_loop[ids] & (ids > 0)  # a state's first frame has the transition out of it
    entered = np.maximum.accumulate(np.where(enters, np.arange(len(ids)), 0))
    done = transitions.final[ids[entered]]
    first = np.zeros(len(ids), bool)
    first[bounds[:-1][np.diff(bounds) > 0]] = True
    starts = enters & (first | np.concatenate([[True], done[:-1]]))
    utterances = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    good = (ids > 0) & ~_spoilt(_wrong(transitions, ids, enters, starts, first, done) & (ids > 0), utterances)
    starts &= good
    owner = np.where(good, np.cumsum(starts) - 1, -1)
    return Segments(transitions.phone[ids[starts]], utterances[starts], owner)


def _spoilt(wrong: Bools, utterances: Longs) -> Bools:
    """All frames of the utterances that have a wrong one; tells how many utterances."""
    spoilt = np.unique(utterances[wrong])
    if len(spoilt):
        log.warning("%d alignments are not made of whole phones and are left out", len(spoilt))
    return np.isin(utterances, spoilt)


def _wrong(transitions: Transitions, ids: Ints, enters: Bools, starts: Bools, first: Bools, done: Bools) -> Bools:
    """Frames that cannot follow the frame before, or where an utterance must not end."""
    previous = np.roll(ids, 1)
    same_phone = transitions.phone[ids] == transitions.phone[previous]
    same_state = same_phone & (transitions.hmm_state[ids] == transitions.hmm_state[previous])
    follows = np.where(enters, same_phone, same_state & ~first)
    begins = transitions.hmm_state[ids] == 0
    last = np.roll(first, -1)
    return np.where(starts, ~begins, ~follows) | (last & ~done)
