from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from asr_prune.acoustic.architectures import from_shape
from asr_prune.features.options import HmmFeatureOptions
from asr_prune.hmm.frontend import FrontEnd

from .conftest import CONTEXT, DIM, FEATURES, PDFS, MakeDeployed


def test_the_card_survives_json_and_says_what_the_network_needs(deployed: MakeDeployed) -> None:
    output = deployed()
    card = json.loads(json.dumps(output.card()))
    assert from_shape(card["network"]).widths == [5, 4]
    assert card["context"] == list(CONTEXT)
    assert card["features"] == FEATURES
    assert card["front_end"] is None
    assert np.array_equal(np.asarray(card["log_priors"], np.float32), output.model.priors.numpy())
    assert len(card["log_priors"]) == PDFS
    assert card["input"] == "3 features per frame: features.network with its cmvn and deltas"
    assert output.dim == DIM


def test_a_network_on_gmm_features_brings_the_transform(deployed: MakeDeployed) -> None:
    matrix = np.random.default_rng(0).standard_normal((DIM, 9)).astype(np.float32)
    output = replace(deployed(), base=HmmFeatureOptions(), front=FrontEnd(0, 1, 1, matrix), adapted=True)
    front = json.loads(json.dumps(output.card()))["front_end"]
    assert front["context"] == [1, 1]
    assert front["fmllr"]
    assert np.array_equal(np.asarray(front["transform"], np.float32), matrix)
    assert output.card()["input"].endswith("then front_end, then the speaker's fMLLR transform")
    assert output.deltas == 0
    plain = replace(output, front=FrontEnd(deltas=2), adapted=False)
    assert plain.card()["front_end"] == {"deltas": 2, "fmllr": False}
    assert plain.deltas == 2
