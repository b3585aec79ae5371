"""Class priors, and scaled log-likelihoods that no batching changes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from asr_prune.acoustic.examples import splice_utterance
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.priors import log_likelihoods, log_priors


def test_priors_are_shares_of_the_frames() -> None:
    priors = log_priors(torch.tensor([0, 0, 0, 1, 2, 2, 0, 0]), 3)
    assert priors.dtype == torch.float32
    assert priors.tolist() == pytest.approx([math.log(5 / 8), math.log(1 / 8), math.log(2 / 8)])


def test_a_pdf_without_frames_is_unusable() -> None:
    priors = log_priors(torch.tensor([0, 2, 2]), 4)
    assert priors.shape == (4,)
    assert min(float(priors[1]), float(priors[3])) > max(float(priors[0]), float(priors[2])) + 10


@pytest.mark.parametrize("frames_a_batch", [1, 25, 10_000])
def test_log_likelihoods_are_those_of_each_utterance_alone(frames_a_batch: int) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    features = {f"u{n}": rng.standard_normal((n, 3)).astype(np.float32) for n in (7, 1, 20, 12)}
    network, priors = FeedForward(12, (6, 5), 4, dropout=0.5).train(), torch.randn(4)
    found = dict(log_likelihoods(network, priors, features, (1, 2), frames_a_batch))
    assert list(found) == sorted(features)
    for name, x in features.items():
        with torch.no_grad():
            logits = network.eval()(torch.from_numpy(splice_utterance(x, (1, 2)))).double()
        expected = logits - logits.exp().sum(1, keepdim=True).log() - priors
        assert found[name].dtype == np.float32
        assert found[name] == pytest.approx(expected.numpy(), abs=1e-5)
