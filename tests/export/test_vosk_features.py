"""What Vosk can compute, and how it searches, of runs of our recipes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from asr_prune.decode.options import DecodeOptions
from asr_prune.errors import UserError
from asr_prune.export.nnet3 import check_vosk_features, model_conf
from asr_prune.hmm.frontend import FrontEnd

from .conftest import MakeDeployed


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"cmvn": "speaker"}, "Vosk cannot normalise features as this run's cmvn: speaker does"),
        ({"cmvn": "utterance"}, "cmvn: utterance does; train it with features.network.cmvn=global"),
        (
            {"deltas": 2},
            "Vosk adds no deltas to features; train the run with features.network.deltas=0",
        ),
        ({"archives": "feats"}, "this run reads those of feats"),
        ({"type": "online", "model": "large"}, "reads the features of large, whose settings --vosk does not copy"),
    ],
)
def test_features_that_vosk_does_not_compute_are_refused(
    deployed: MakeDeployed, changed: dict[str, Any], sentence: str
) -> None:
    built = deployed()
    plain = replace(built.base, cmvn="none")
    check_vosk_features(replace(built, base=plain))
    with pytest.raises(UserError, match=sentence):
        check_vosk_features(replace(built, base=replace(plain, **changed)))
    tokens = replace(built.model, tokens=["<blk>", "A"])
    with pytest.raises(UserError, match="Vosk decodes with an HMM and this run has CTC tokens"):
        check_vosk_features(replace(built, base=plain, model=tokens))
    with pytest.raises(UserError, match="reads the features of the GMM-HMM"):
        check_vosk_features(replace(built, base=plain, front=FrontEnd(deltas=2)))


@pytest.mark.parametrize(("lm_weight", "beam"), [(4, "30"), (10, "12"), (16, "12")])
def test_scale_and_beams_are_those_of_the_recipe(lm_weight: int, beam: str) -> None:
    """At a larger acoustic scale than that of our search, 0.1, all costs are larger."""
    conf = model_conf(DecodeOptions(beam=12.0, lattice_beam=6.5), (lm_weight, 0.0), [1, 2], 3).split()
    assert {f"--beam={beam}", "--lattice-beam=6.5", f"--acoustic-scale={1 / lm_weight}"} <= {*conf}
    assert {"--endpoint.silence-phones=1:2", "--frame-subsampling-factor=3"} <= {*conf}
