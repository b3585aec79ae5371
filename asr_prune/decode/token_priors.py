"""Priors of CTC tokens, which divide the posteriors before the search for words."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor


def token_log_priors(sentences: Iterable[np.ndarray], tokens: int) -> Tensor:
    """Log of each token's relative frequency in the transcripts, float32 [tokens].

    A blank is counted before, between and after the tokens of each sentence (Miao, Gowayyed and
    Metze 2015, "EESEN", arXiv 1507.08240). sentences: token ids of all spellings of each, int
    [spellings, tokens], padded with blanks (0); spellings have equal weight. A token that never
    occurs counts 0.5.
    """
    counts = np.zeros(tokens)
    for spellings in sentences:
        occurrences = np.bincount(spellings[spellings > 0], minlength=tokens) / len(spellings)
        counts += occurrences
        counts[0] += occurrences.sum() + 1
    return torch.from_numpy(np.log(np.maximum(counts, 0.5) / counts.sum())).float()
