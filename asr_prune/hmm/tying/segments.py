"""Which state of which phone, between which neighbours, each frame is in (Kaldi: SplitToPhones in hmm-utils.cc)."""

from __future__ import annotations

from dataclasses import dataclass

import kaldi_hmm_gmm as khg
import numpy as np
from numpy.typing import NDArray

from asr_prune.hmm.gmm import Ints

Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Ids:
    """What the transition-ids of a model stand for, one entry an id, entry 0 for none.

    phone, state, pdf_class: int32 [ids + 1]; position: of the transition among its state's; loop, final: boolean,
    whether it is a self-loop or leaves the phone.
    """

    phone: Ints
    state: Ints
    pdf_class: Ints
    position: Ints
    loop: NDArray[np.bool_]
    final: NDArray[np.bool_]

    @classmethod
    def of(cls, transitions: khg.TransitionModel) -> Ids:
        owner = np.asarray(transitions.id2state, np.int64)
        tuples = [entry.__getstate__() for entry in transitions.tuples]
        rows = np.array([(0, 0), *((phone, state) for phone, state, *_ in tuples)], np.int32)
        every = range(1, len(owner))
        loop = np.array([False, *map(transitions.is_self_loop, every)])
        forward = np.array([-1, *(_pdf_class(transitions, *row) for row in rows[1:])], np.int32)
        firsts = np.asarray(transitions.state2id, np.int64)
        return cls(
            phone=rows[owner, 0],
            state=rows[owner, 1],
            pdf_class=forward[owner],
            position=(np.arange(len(owner)) - firsts[owner]).astype(np.int32),
            loop=loop,
            final=np.array([False, *map(transitions.is_final, every)]),
        )


def _pdf_class(transitions: khg.TransitionModel, phone: int, state: int) -> int:
    return int(transitions.topo.topology_for_phone(int(phone))[int(state)].forward_pdf_class)


@dataclass(frozen=True)
class Segments:
    """The aligned frames and their phones.

    frames: int64 [aligned], their rows; of: int64 [aligned], the segment of each; phones: int32 [segments]; utterance:
    int64 [segments].
    """

    frames: Longs
    of: Longs
    phones: Ints
    utterance: Longs

    @classmethod
    def find(cls, ids: Ids, alignment: Ints, bounds: Longs) -> Segments:
        """Splits an alignment, int32 [all frames] with 0 where nothing was aligned, utterance i in rows bounds[i] to
        bounds[i+1]. A phone ends with the self-loops that follow the transition out of its last state, since the graphs
        put a state's self-loops after the transition out of it.
        """
        frames = np.flatnonzero(alignment)
        owner = np.searchsorted(bounds, frames, side="right") - 1
        own = alignment[frames]
        moves = np.flatnonzero(~ids.loop[own])
        leaves = np.concatenate([[True], ids.final[own[moves]]])[:-1]
        another = np.concatenate([[True], np.diff(owner[moves]) > 0])[: len(moves)]
        begins = np.zeros(len(frames), bool)
        begins[moves[leaves | another]] = True
        starts = np.flatnonzero(begins)
        return cls(frames, np.cumsum(begins) - 1, ids.phone[own[starts]], owner[starts])

    def windows(self, width: int, central: int) -> Ints:
        """The phones around each segment, int32 [segments, width]; 0 beyond the utterance's ends."""
        places = np.arange(len(self.phones))[:, None] + np.arange(width) - central
        inside = places.clip(0, len(self.phones) - 1)
        same = (places == inside) & (self.utterance[inside] == self.utterance[:, None])
        return np.where(same, self.phones[inside], 0).astype(np.int32)
