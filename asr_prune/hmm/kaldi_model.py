"""kaldi-hmm-gmm objects from files and arrays; some classes take arrays only when unpickled."""

from __future__ import annotations

from typing import Any

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Ints
from asr_prune.lang.native import silenced


def unpickled(cls: type, state: tuple[Any, ...]) -> Any:
    """An object of `cls` from the tuple that its __getstate__ returns."""
    instance: Any = cls.__new__(cls)  # type: ignore[call-overload]
    instance.__setstate__(state)
    return instance


def parsed_topology(text: str, path: object) -> khg.HmmTopology:
    """HMM topology from the text of a `topo` file; path: for messages.

    Raises UserError if it is none.
    """
    topo = khg.HmmTopology()
    try:
        with silenced():
            topo.read(text)
    except RuntimeError as error:
        raise UserError(f"{path} is no HMM topology; make it or copy it again.") from error
    return topo


def id_to_pdf(transitions: khg.TransitionModel) -> Ints:
    """The pdf of each transition-id, int32 [ids + 1]; entry 0, not a transition-id, is -1."""
    pdfs = np.asarray(transitions.id2pdf_id, np.int32)
    pdfs[0] = -1
    return pdfs


def phones_of(transitions: khg.TransitionModel) -> list[int]:
    """Ids of the phones that a model has states for, sorted."""
    return sorted({entry.__getstate__()[0] for entry in transitions.tuples})
