"""The features stage with the features of a model: archives of frames with their i-vectors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.datadir import DataDir
from asr_prune.features.archive import read_matrices
from asr_prune.features.extract import extract
from asr_prune.features.load import load
from asr_prune.features.online.front_end import ModelFrontEnd
from asr_prune.features.options import (
    FeatureOptions,
    FeaturesOptions,
    HmmFeatureOptions,
    NetworkFeatureOptions,
)
from asr_prune.hmm.network_features import NetworkFeatures

from .small import CEPS, DIM, write_vosk


@pytest.mark.parametrize("nj", [1, 2])
def test_archives(data: DataDir, tmp_path: Path, nj: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr_prune.features.extract._SHARE", 1)
    options = NetworkFeatureOptions(type="online", model=str(write_vosk(tmp_path / "model")), cmvn="none")
    extract(data.path, tmp_path / "out", options, nj)
    front_end, found = (
        ModelFrontEnd.read(tmp_path / "model"),
        dict(read_matrices(tmp_path / "out/feats.scp")),
    )
    for utterance, place in data.wavs.items():
        np.testing.assert_array_equal(found[utterance], front_end(read_audio(place)[0]))
    loaded = load(tmp_path / "out", options, data.utt2spk)
    assert {matrix.shape[1] for matrix in loaded.values()} == {CEPS + DIM}
    np.testing.assert_array_equal(loaded["bob-2"], found["bob-2"])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"type": "online"}, "model must be given with type online, and only with it"),
        ({"model": "x"}, "model must be given with type online, and only with it"),
        ({"type": "online", "model": "x"}, "set cmvn: none and deltas: 0, without archives"),
        (
            {"type": "online", "model": "x", "cmvn": "none", "deltas": 1},
            "set cmvn: none and deltas: 0",
        ),
        ({"type": "online", "model": "x", "cmvn": "none", "archives": "y"}, "without archives"),
        ({"right_context": -1}, "right_context must not be negative"),
    ],
)
def test_options_that_do_not_go_together(settings: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FeatureOptions(**settings)


def test_the_gmm_hmm_does_not_read_them() -> None:
    with pytest.raises(ValueError, match=r"type online is for features.network; the GMM-HMM needs mfcc or fbank"):
        HmmFeatureOptions(type="online", model="x", cmvn="none", deltas=0)


def test_a_network_knows_whose_features_it_reads() -> None:
    read = NetworkFeatureOptions(type="online", model="x", cmvn="none", ivectors="utterance")
    source = NetworkFeatures(FeaturesOptions(network=read), "mono")
    assert NetworkFeatures.from_plain(source.plain()) == source
    assert source.plain()["network"].items() >= {"model": "x", "ivectors": "utterance"}.items()
    assert not {"model", "ivectors", "right_context"} & source.plain()["hmm"].keys()
    other = NetworkFeatures(FeaturesOptions(network=replace(read, model="y")), "mono")
    assert source.missing(source, Path()) == ""
    assert "model x, here y" in source.missing(other, Path())
