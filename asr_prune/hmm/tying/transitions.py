"""What transition-ids mean, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.hmm.gmm import Bools, Ints


@dataclass(frozen=True)
class Transitions:
    """Meanings of transition-ids, each [ids + 1]; entry 0, which is no transition, has -1 or False.

    phone, hmm_state and pdf_class (that of the self-loop or of the way out, as the id is), forward_class and loop_class
    (both of the state), index (among the state's transitions) int32; self_loop and final (leaves the phone) bool.
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
        states = np.array([(-1, -1, -1, -1), *(_state(model, entry) for entry in model.tuples)], np.int32)
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


def _state(model: khg.TransitionModel, entry: khg.TransitionModelTuple) -> tuple[int, int, int, int]:
    """Phone, HMM state and the pdf classes of its way out and of its self-loop."""
    phone, number, *_ = entry.__getstate__()
    state = model.topo.topology_for_phone(phone)[number]
    return phone, number, state.forward_pdf_class, state.self_loop_pdf_class
