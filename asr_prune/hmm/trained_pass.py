"""Input and result of one training pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr_prune.features.archive import read_matrices
from asr_prune.hmm.align import Alignment
from asr_prune.hmm.fmllr import Transforms
from asr_prune.hmm.frontend import FrontEnd
from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.labels import StoredLabels
from asr_prune.hmm.mdl import read_mdl
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.lang import Lang


@dataclass(frozen=True)
class TrainedPass:
    """A trained pass: model, labels and front end.

    transforms: by speaker, if the pass is speaker-adaptive; unadapted: the mixtures for features
    without transforms (Kaldi's final.alimdl).
    """

    model: HmmModel
    alignment: Alignment
    front: FrontEnd
    transforms: Transforms | None = None
    unadapted: Gmms | None = None

    @classmethod
    def load(cls, folder: Path, data: JoinedUtterances) -> TrainedPass:
        """Reads the folder of a pass; the alignment covers `data`.

        Raises UserError if a file is missing or damaged.
        """
        adapted = (folder / "trans.scp").is_file()
        return cls(
            HmmModel.load(folder),
            _alignment(StoredLabels(folder / "ali.ark"), data),
            FrontEnd.load(folder),
            dict(read_matrices(folder / "trans.scp")) if adapted else None,
            read_mdl(folder / "final.alimdl")[1] if adapted else None,
        )


def _alignment(labels: Mapping[str, np.ndarray], data: JoinedUtterances) -> Alignment:
    """Labels joined; utterances without labels, or with another number of frames, have failed."""
    alignment = Alignment(np.zeros(data.frames, np.int32))
    for utt, rows in data.rows().items():
        if utt in labels and len(labels[utt]) == rows.stop - rows.start:
            alignment.ids[rows] = labels[utt]
        else:
            alignment.failed.append(utt)
    return alignment


@dataclass(frozen=True)
class PassInput:
    """What a pass is trained on.

    data: normalised cepstra without deltas; text: words by utterance; speakers: of each utterance
    of `data`; plain_front: deltas as in the recipe; before: the previous pass, None for a flat
    start.
    """

    lang: Lang
    data: JoinedUtterances
    text: dict[str, list[str]]
    speakers: list[str]
    seed: int
    plain_front: FrontEnd
    before: TrainedPass | None = None

    @property
    def previous(self) -> TrainedPass:
        """The previous pass. Raises ValueError if there is none."""
        if self.before is None:
            raise ValueError("this pass needs the labels of a previous one")
        return self.before
