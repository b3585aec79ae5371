"""How often what CTC spells is each of its tokens: what posteriors are divided by before words are searched."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor


def token_log_priors(sentences: Iterable[np.ndarray], tokens: int) -> Tensor:
    """Log of each token's share of the transcripts, a blank before, between and behind the tokens of each (Miao,
    Gowayyed and Metze 2015, "EESEN", arXiv 1507.08240); float32 [tokens].

    sentences: ids in all ways to spell each, int [ways, tokens], filled up with blanks (0); each way counts for its
    part. A token never seen counts as half a one.
    """
    counts = np.zeros(tokens)
    for ways in sentences:
        said = np.bincount(ways[ways > 0], minlength=tokens) / len(ways)
        counts += said
        counts[0] += said.sum() + 1
    return torch.from_numpy(np.log(np.maximum(counts, 0.5) / counts.sum())).float()
