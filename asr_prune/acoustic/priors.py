"""Class priors from labels, and posteriors turned into scaled log-likelihoods (Bourlard and Morgan 1994; Kaldi nnet-
forward --class-frame-counts).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from asr_prune.acoustic.examples import splice_utterance
from asr_prune.acoustic.network import Network
from asr_prune.features.stored import frames_of

FLOOR = 1e-8
#: frames that go through a network at once
BATCH = 16384


def log_priors(labels: Tensor, pdfs: int) -> Tensor:
    """Log of each pdf's share of the frames; labels int64 [frames]; returns float32 [pdfs].

    A pdf never seen gets a prior that makes it unusable, as in Kaldi.
    """
    return log_shares(torch.bincount(labels.cpu(), minlength=pdfs))


def log_shares(counts: Tensor) -> Tensor:
    """The same from how many frames each pdf has, int64 [pdfs]."""
    share = counts.double() / int(counts.sum())
    return torch.where(share > FLOOR, share.clamp_min(FLOOR).log(), torch.full_like(share, 10.0)).float()


@torch.no_grad()
def log_likelihoods(
    network: Network,
    priors: Tensor,
    features: Mapping[str, np.ndarray],
    context: tuple[int, int],
    frames_a_batch: int = BATCH,
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields (utterance, log p(frame|class) up to a constant, float32 [frames out, classes]); utterances go through the
    network in batches of whole utterances. priors: log priors of the pdfs, or zeros for CTC.
    """
    network.eval()
    device = network.shift.device
    frames = frames_of(features)
    for names in grouped(frames, frames_a_batch):
        spliced = np.concatenate([splice_utterance(features[name], context) for name in names])
        lengths = torch.tensor([frames[name] for name in names], device=device)
        logits, lengths = network.of_utterances(torch.from_numpy(spliced).to(device), lengths)
        scores = (logits.log_softmax(-1) - priors.to(device)).cpu()
        for name, part in zip(names, scores.split(lengths.tolist()), strict=True):
            yield name, part.contiguous().numpy()


def grouped(lengths: Mapping[str, int], limit: int = BATCH) -> Iterator[list[str]]:
    """Runs of utterances, sorted, of at most `limit` frames together, at least one utterance each; lengths: frames."""
    names: list[str] = []
    frames = 0
    for name in sorted(lengths):
        if names and frames + lengths[name] > limit:
            yield names
            names, frames = [], 0
        names.append(name)
        frames += lengths[name]
    if names:
        yield names
