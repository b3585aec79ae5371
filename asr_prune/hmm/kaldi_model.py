"""kaldi-hmm-gmm objects from files and arrays; some classes take arrays only when unpickled."""

from __future__ import annotations

from typing import Any

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.hmm.gmm import Ints


def unpickled(cls: type, state: tuple[Any, ...]) -> Any:
    """An object of `cls` from the tuple that its __getstate__ returns."""
    instance: Any = cls.__new__(cls)  # type: ignore[call-overload]
    instance.__setstate__(state)
    return instance


def read_topology(text: str) -> khg.HmmTopology:
    """HMM topology from the text of a `topo` file."""
    topo = khg.HmmTopology()
    topo.read(text)
    return topo


def id_to_pdf(transitions: khg.TransitionModel) -> Ints:
    """The pdf of each transition-id, int32 [ids + 1]; entry 0, not a transition-id, is -1."""
    pdfs = np.asarray(transitions.id2pdf_id, np.int32)
    pdfs[0] = -1
    return pdfs


def phones_of(transitions: khg.TransitionModel) -> list[int]:
    """Ids of the phones that a model has states for, sorted."""
    return sorted({entry.__getstate__()[0] for entry in transitions.tuples})
