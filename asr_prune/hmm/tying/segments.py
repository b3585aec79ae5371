"""Splitting alignments into phones, without a loop over frames (Kaldi: SplitToPhones)."""

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

    phones int32 [segments]; utterances: index, int64 [segments]; owner: segment of each frame,
    int64 [frames], -1 if the utterance is not aligned.
    """

    phones: Ints
    utterances: Longs
    owner: Longs

    def windows(self, width: int, central: int) -> Ints:
        """Each phone, at position `central`, with its neighbours; int32 [segments, width].

        0 beyond the utterance.
        """
        out = np.zeros((len(self.phones), width), np.int32)
        index = np.arange(len(self.phones))
        for place in range(width):
            other = index + place - central
            inside = (other >= 0) & (other < len(index))
            inside[inside] = self.utterances[other[inside]] == self.utterances[inside]
            out[inside, place] = self.phones[other[inside]]
        return out


def phone_segments(transitions: Transitions, ids: Ints, bounds: Longs) -> Segments:
    """Phones of an alignment whose self-loops follow the leaving transition (Kaldi: reorder).

    ids: transition-ids [frames], 0 in utterances that are not aligned; bounds: [utterances + 1]. An
    utterance that does not consist of whole phones counts as not aligned; their number is logged.
    """
    # the first frame of a state has the transition that leaves it
    enters = ~transitions.self_loop[ids] & (ids > 0)
    entered = np.maximum.accumulate(np.where(enters, np.arange(len(ids)), 0))
    done = transitions.final[ids[entered]]
    first = np.zeros(len(ids), bool)
    first[bounds[:-1][np.diff(bounds) > 0]] = True
    starts = enters & (first | np.concatenate([[True], done[:-1]]))
    utterances = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    wrong = _wrong(transitions, ids, enters, starts, first, done) & (ids > 0)
    good = (ids > 0) & ~_spoilt(wrong, utterances)
    starts &= good
    owner = np.where(good, np.cumsum(starts) - 1, -1)
    return Segments(transitions.phone[ids[starts]], utterances[starts], owner)


def _spoilt(wrong: Bools, utterances: Longs) -> Bools:
    """All frames of utterances with a wrong one; logs the number of such utterances."""
    spoilt = np.unique(utterances[wrong])
    if len(spoilt):
        log.warning("%d alignments do not consist of whole phones and are left out", len(spoilt))
    return np.isin(utterances, spoilt)


def _wrong(transitions: Transitions, ids: Ints, enters: Bools, starts: Bools, first: Bools, done: Bools) -> Bools:
    """Frames that cannot follow the previous one, or at which an utterance cannot end."""
    previous = np.roll(ids, 1)
    same_phone = transitions.phone[ids] == transitions.phone[previous]
    same_state = same_phone & (transitions.hmm_state[ids] == transitions.hmm_state[previous])
    follows = np.where(enters, same_phone, same_state & ~first)
    begins = transitions.hmm_state[ids] == 0
    last = np.roll(first, -1)
    return np.where(starts, ~begins, ~follows) | (last & ~done)
