"""Class priors from labels, and posteriors turned into scaled log-likelihoods (Bourlard and Morgan 1994; Kaldi nnet-
forward --class-frame-counts).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from asr_prune.acoustic.examples import splice_utterance
from asr_prune.acoustic.network import Network

FLOOR = 1e-8


def log_priors(labels: Tensor, pdfs: int) -> Tensor:
    """Log of each pdf's share of the frames; labels int64 [frames]; returns float32 [pdfs].

    A pdf never seen gets a prior that makes it unusable, as in Kaldi.
    """
    share = torch.bincount(labels.cpu(), minlength=pdfs).double() / len(labels)
    return torch.where(share > FLOOR, share.clamp_min(FLOOR).log(), torch.full_like(share, 10.0)).float()


@torch.no_grad()
def log_likelihoods(
    network: Network,
    priors: Tensor,
    features: dict[str, np.ndarray],
    context: tuple[int, int],
    frames_a_batch: int = 16384,
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields (utterance, log p(frame|class) up to a constant, float32 [frames out, classes]); utterances go through the
    network in batches of whole utterances. priors: log priors of the pdfs, or zeros for CTC.
    """
    network.eval()
    device = network.shift.device
    for names in _grouped(features, frames_a_batch):
        spliced = np.concatenate([splice_utterance(features[name], context) for name in names])
        lengths = torch.tensor([len(features[name]) for name in names], device=device)
        logits, lengths = network.of_utterances(torch.from_numpy(spliced).to(device), lengths)
        scores = (logits.log_softmax(-1) - priors.to(device)).cpu()
        for name, part in zip(names, scores.split(lengths.tolist()), strict=True):
            yield name, part.contiguous().numpy()


def _grouped(features: dict[str, np.ndarray], limit: int) -> Iterator[list[str]]:
    names: list[str] = []
    frames = 0
    for name in sorted(features):
        if names and frames + len(features[name]) > limit:
            yield names
            names, frames = [], 0
        names.append(name)
        frames += len(features[name])
    if names:
        yield names
