"""Class priors from labels, and scaled log-likelihoods from posteriors (Bourlard and Morgan 1994;
Kaldi's nnet-forward --class-frame-counts).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from asr_prune.acoustic.batches import FRAMES_A_BATCH, utterance_batches
from asr_prune.acoustic.examples import splice_utterance
from asr_prune.acoustic.network import Network
from asr_prune.features.stored import frames_of

_FLOOR = 1e-8


def log_priors(labels: Tensor, pdfs: int) -> Tensor:
    """Log of each pdf's fraction of the frames, float32 [pdfs]. labels: int64 [frames].

    As in Kaldi, a pdf without frames gets a prior that makes it unusable.
    """
    return log_priors_from_counts(torch.bincount(labels.cpu(), minlength=pdfs))


def log_priors_from_counts(counts: Tensor) -> Tensor:
    """As `log_priors`, from the number of frames of each pdf, int64 [pdfs]."""
    prior = counts.double() / int(counts.sum())
    unusable = torch.full_like(prior, 10.0)
    return torch.where(prior > _FLOOR, prior.clamp_min(_FLOOR).log(), unusable).float()


@torch.no_grad()
def log_likelihoods(
    network: Network,
    priors: Tensor,
    features: Mapping[str, np.ndarray],
    context: tuple[int, int],
    frames_a_batch: int = FRAMES_A_BATCH,
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields (utterance, log p(frame|class) up to a constant, float32 [frames out, classes]).

    priors: log priors of the pdfs, zeros for CTC. Batches consist of whole utterances. A network in
    float64 computes in float64.
    """
    network.eval()
    device, dtype = network.shift.device, network.shift.dtype
    frames = frames_of(features)
    for names in utterance_batches(frames, frames_a_batch):
        spliced = np.concatenate([splice_utterance(features[name], context) for name in names])
        lengths = torch.tensor([frames[name] for name in names], device=device)
        logits, lengths = network.forward_utterances(torch.from_numpy(spliced).to(device, dtype), lengths)
        scores = (logits.log_softmax(-1) - priors.to(device)).float().cpu()
        for name, part in zip(names, scores.split(lengths.tolist()), strict=True):
            yield name, part.contiguous().numpy()
