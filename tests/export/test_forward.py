from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from asr_prune.acoustic.priors import log_likelihoods
from asr_prune.export.forward import Outputs, liken, torch_forward

from .conftest import CONTEXT, MakeDeployed

Utterances = dict[str, np.ndarray]


def test_log_likelihoods_are_those_that_decoding_takes(deployed: MakeDeployed, utterances: Utterances) -> None:
    model = deployed().model
    wanted = dict(log_likelihoods(model.network, model.priors, utterances, CONTEXT))
    for name, features in utterances.items():
        np.testing.assert_allclose(torch_forward(model)(features).loglikes, wanted[name], atol=1e-5)


def test_likeness_is_counted_frame_by_frame(deployed: MakeDeployed, utterances: Utterances) -> None:
    reference = torch_forward(deployed().model)

    def other(features: np.ndarray) -> Outputs:
        torch.manual_seed(len(features))
        logits = reference(features).logits
        return Outputs(logits + torch.randn(logits.shape).numpy(), logits)

    labels = {name: np.arange(len(utterances[name])) % 3 for name in ("u50", "u1")}
    difference = same = right = largest = 0.0
    for name, features in utterances.items():
        for frame, (own, wanted) in enumerate(zip(other(features).logits, reference(features).logits, strict=True)):
            difference = max(difference, *(abs(float(a) - float(b)) for a, b in zip(own, wanted, strict=True)))
            largest = max(largest, *(abs(float(b)) for b in wanted))
            best = max(range(len(own)), key=lambda pdf: own[pdf])
            same += best == max(range(len(own)), key=lambda pdf: wanted[pdf])
            right += name in labels and best == labels[name][frame]
    result = liken(other, reference, utterances, labels)
    assert result.frames == 54
    assert result.difference == pytest.approx(difference, rel=1e-5)
    assert result.largest == pytest.approx(largest, rel=1e-5)
    assert result.same_best == pytest.approx(same / 54)
    assert result.accuracy == pytest.approx(right / 51)
    assert result.allowed == pytest.approx(1e-5 * max(1, largest), rel=1e-5)
    assert liken(other, reference, utterances, {}).accuracy is None


def test_what_is_no_number_differs_without_bound(deployed: MakeDeployed, utterances: Utterances) -> None:
    reference = torch_forward(deployed().model)

    def broken(features: np.ndarray) -> Outputs:
        logits = reference(features).logits * math.nan
        return Outputs(logits, logits)

    assert liken(broken, reference, utterances, {}).difference > 1e30
