"""Masked and shrunk networks are compared by their words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from asr_prune.acoustic.checkpoint import Model
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.lang.tokens import BEGIN, BLANK
from asr_prune.score.verify_run import _words_that_differ, words_for_comparison


def speller(scale: float) -> Model:
    """Says A where the first feature is high and B where it is low; with a scale of -1 the other way round."""
    network = FeedForward(1, (4,), 4)
    with torch.no_grad():
        for layer in network.affine:
            layer.weight.zero_()
            layer.bias.zero_()
        network.affine[0].weight[:2, 0] = torch.tensor([1.0, -1.0])
        network.affine[1].weight[2, 0] = network.affine[1].weight[3, 1] = scale
        network.affine[1].bias[:2] = -9.0
    return Model(network, torch.zeros(4), (0, 0), [[0, 1, 2, 3]], tokens=[BLANK, BEGIN, BEGIN + "A", BEGIN + "B"])


def test_utterances_with_other_words_are_named_whichever_network_says_which() -> None:
    feats = {name: np.full((3, 1), value, np.float32) for name, value in (("low", -1.0), ("high", 1.0), ("mid", 0.0))}
    one, other = speller(1.0), speller(-1.0)
    assert words_for_comparison(one, feats, None) == {"low": ["B"], "high": ["A"], "mid": ["A"]}
    assert _words_that_differ(one, one, feats, None, 1) == []
    for pair in ((one, other), (other, one)):
        assert _words_that_differ(*pair, feats, None, 1) == ["high", "low"]


@pytest.mark.parametrize("name", ["low", "high"])
def test_one_utterance_that_differs_is_enough(name: str) -> None:
    feats = {name: np.full((3, 1), 1.0 if name == "high" else -1.0, np.float32)}
    assert _words_that_differ(speller(1.0), speller(-1.0), feats, None, 1) == [name]
