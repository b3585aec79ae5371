"""The meaning of transition-ids, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.hmm.gmm import Bools, Ints


@dataclass(frozen=True)
class Transitions:
    """Each array is [ids + 1]; entry 0, which is not a transition-id, is -1 or False.

    int32: phone; hmm_state; pdf_class of the transition; forward_class and loop_class of its state;
    index among the transitions of the state. bool: self_loop; final, which leaves the phone.
    """

    phone: Ints
    hmm_state: Ints
    pdf_class: Ints
    forward_class: Ints
    loop_class: Ints
    index: Ints
    self_loop: Bools
    final: Bools

    @classmethod
    def of(cls, model: khg.TransitionModel) -> Transitions:
        ids = range(1, model.num_transition_ids + 1)
        state = np.asarray(model.id2state, np.int64)
        first = np.asarray(model.state2id, np.int64)
        rows = [_state(model, entry) for entry in model.tuples]
        states = np.array([(-1, -1, -1, -1), *rows], np.int32)
        phone, hmm_state, forward, loop = states[state[: len(ids) + 1]].T
        self_loop = np.array([False, *map(model.is_self_loop, ids)])
        index = np.arange(len(ids) + 1) - first[state[: len(ids) + 1]]
        index[0] = -1
        return cls(
            phone=phone,
            hmm_state=hmm_state,
            pdf_class=np.where(self_loop, loop, forward),
            forward_class=forward,
            loop_class=loop,
            index=index.astype(np.int32),
            self_loop=self_loop,
            final=np.array([False, *map(model.is_final, ids)]),
        )


def _state(
    model: khg.TransitionModel,
    entry: khg.TransitionModelTuple,
) -> tuple[int, int, int, int]:
    """Phone, HMM state, and pdf classes of its leaving transitions and of its self-loop."""
    phone, number, *_ = entry.__getstate__()
    state = model.topo.topology_for_phone(phone)[number]
    return phone, number, state.forward_pdf_class, state.self_loop_pdf_class
