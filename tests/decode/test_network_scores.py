"""What the search takes from a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from asr_prune.acoustic.checkpoint import Model
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.network_scores import with_token_priors
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.token_priors import token_log_priors
from asr_prune.features.options import FeaturesOptions
from asr_prune.hmm.network_features import NetworkFeatures
from asr_prune.lang.options import LangOptions
from asr_prune.lang.tokens import Tokens

TEXT = {"a-1": "AB A", "b-1": "B", "b-2": "BB"}


@pytest.mark.parametrize(
    ("asked", "scale"),
    [
        ({"type": "ctc", "search": "graph", "ctc_prior_scale": 0.4}, 0.4),
        ({"type": "ctc", "search": "graph", "ctc_prior_scale": 1.0}, 1.0),
        ({"type": "ctc", "search": "graph", "ctc_prior_scale": 0.0}, None),
        ({"type": "ctc", "search": "greedy"}, None),
        ({"type": "hmm"}, None),
    ],
)
def test_posteriors_are_divided_by_the_priors_to_a_power(
    tmp_path: Path, asked: dict[str, Any], scale: float | None
) -> None:
    """Only in a search of the graph of a network that learnt tokens."""
    (tmp_path / "lang").mkdir()
    tokens = Tokens.learn([["AB", "A", "B", "BB"]], LangOptions())
    tokens.write(tmp_path / "lang")
    data = DataDir(tmp_path / "data/train")
    data.wavs.update({utt: f"{utt}.wav" for utt in TEXT})
    data.text.update({utt: words.split() for utt, words in TEXT.items()})
    data.utt2spk.update({utt: utt[0] for utt in TEXT})
    data.write()
    outputs = len(tokens.symbols)
    model = Model(FeedForward(2, (3,), outputs), torch.zeros(outputs), (0, 0), [[0, 1, 2]], tokens=tokens.symbols)
    folders = tmp_path / "data", tmp_path / "lang", tmp_path / "align", "", tmp_path / "graph"
    decoding = Decoding(*folders, NetworkFeatures(FeaturesOptions(), ""), DecodeOptions(**asked), 500.0)
    found = with_token_priors(decoding, model)
    if scale is None:
        assert found is model
        return
    spoken = [ids for words in TEXT.values() if (ids := tokens.of_words(words.split())) is not None]
    assert len(spoken) == 3
    assert found.priors.tolist() == pytest.approx((scale * token_log_priors(spoken, outputs)).tolist())
