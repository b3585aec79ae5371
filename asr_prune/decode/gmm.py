"""Log-likelihoods of GMM-HMMs for the search that also decodes networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Floats, Scorer
from asr_prune.hmm.model import HmmModel


def gmm_log_likelihoods(hmm: Path, feats: Mapping[str, Floats]) -> Iterator[tuple[str, Floats]]:
    """Yields (utterance, log-likelihoods float32 [frames, pdfs]) under the model in `hmm`.

    feats: of the kind that the model was trained on. Raises UserError if the model is missing or
    damaged or the features have another dimension.
    """
    model = HmmModel.load(hmm)
    scorer = Scorer(model.gmms)
    for utt, matrix in feats.items():
        if matrix.shape[1] != model.gmms.dim:
            raise UserError(
                f"{utt} has features of dimension {matrix.shape[1]}, but {hmm} was trained on"
                f" {model.gmms.dim}; run the stages features and align with the same recipe."
            )
        yield utt, scorer(matrix)
