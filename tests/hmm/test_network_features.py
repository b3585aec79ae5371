"""Input features of networks: which files they come from, and under which transforms."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr_prune.corpus.datadir import DataDir
from asr_prune.features.archive import read_matrices, write_matrices
from asr_prune.features.options import FeaturesOptions, HmmFeatureOptions, NetworkFeatureOptions
from asr_prune.hmm.fmllr import transformed
from asr_prune.hmm.frontend import FrontEnd, splice
from asr_prune.hmm.network_features import NetworkFeatures, pass_features

HMM = HmmFeatureOptions(ceps=3, bins=3, cmvn="none")
UTTS = {"ann-1": "ann", "ann-2": "ann", "bob-1": "bob"}


@pytest.fixture
def raw() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {utt: rng.normal(size=(7 + i, 3)).astype(np.float32) for i, utt in enumerate(UTTS)}


@pytest.fixture
def data(tmp_path: Path, raw: dict[str, np.ndarray]) -> Path:
    folder = DataDir(tmp_path / "data/train")
    folder.wavs.update({utt: f"{utt}.wav" for utt in UTTS})
    folder.text.update(dict.fromkeys(UTTS, "YES"))
    folder.utt2spk.update(UTTS)
    folder.write()
    (folder.path / "network").mkdir()
    write_matrices(folder.path / "feats", raw.items())
    write_matrices(folder.path / "network/feats", ((utt, 2 * matrix) for utt, matrix in raw.items()))
    return folder.path


@pytest.fixture
def adapted_pass(tmp_path: Path) -> Path:
    """A pass with splicing, a matrix, and a transform for one of two speakers."""
    folder = tmp_path / "align/sat"
    (folder / "adapt_test").mkdir(parents=True)
    rng = np.random.default_rng(1)
    FrontEnd(0, 1, 1, rng.normal(size=(2, 9)).astype(np.float32), means=False).save(folder)
    write_matrices(folder / "trans", [("ann", rng.normal(size=(2, 3)).astype(np.float32))])
    return folder


def test_importing_loads_no_kaldi_library() -> None:
    code = (
        "import sys, json, asr_prune.hmm.network_features, asr_prune.hmm.labels; print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    modules = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert not modules & {"kaldifst", "kaldilm", "kaldi_hmm_gmm", "_kaldi_hmm_gmm", "torch", "pydantic"}
    assert "kaldi_io" in modules


def test_speakers_transforms_follow_the_front_end(data: Path, adapted_pass: Path, raw: dict[str, np.ndarray]) -> None:
    front, plain = FrontEnd.load(adapted_pass), pass_features(data, HMM, adapted_pass, adapt=False)
    feats = pass_features(data, HMM, adapted_pass)
    matrix = dict(read_matrices(adapted_pass / "trans.scp"))["ann"]
    assert front.matrix is not None
    for utt, speaker in UTTS.items():
        expected = splice(raw[utt], 1, 1) @ front.matrix.T
        np.testing.assert_allclose(plain[utt], expected, rtol=1e-5)
        np.testing.assert_allclose(
            feats[utt], transformed(expected, matrix) if speaker == "ann" else expected, rtol=1e-5
        )


@pytest.mark.parametrize("kind", ["network", "hmm"])
def test_a_stored_model_reads_the_same_features(
    data: Path, adapted_pass: Path, raw: dict[str, np.ndarray], kind: str
) -> None:
    network = (
        NetworkFeatureOptions(type="hmm", frame_shift_ms=20)
        if kind == "hmm"
        else NetworkFeatureOptions(type="fbank", bins=3, cmvn="none", frame_shift_ms=20)
    )
    features = NetworkFeatures(FeaturesOptions(hmm=HMM, network=network), "sat")
    again = NetworkFeatures.from_plain(json.loads(json.dumps(features.plain())))
    assert again == features
    assert (features.kind, features.frame_shift) == (kind, 0.01 if kind == "hmm" else 0.02)
    feats = again.load(data, adapted_pass.parent)
    wanted = dict(pass_features(data, HMM, adapted_pass)) if kind == "hmm" else {u: 2 * m for u, m in raw.items()}
    assert feats.keys() == wanted.keys()
    for utt, matrix in feats.items():
        np.testing.assert_array_equal(matrix, wanted[utt])


def test_what_of_other_features_an_experiment_has(tmp_path: Path) -> None:
    (tmp_path / "sat").mkdir()
    fbank, mfcc = NetworkFeatureOptions(), NetworkFeatureOptions(type="mfcc", bins=23)
    here = NetworkFeatures(FeaturesOptions(hmm=HMM, network=fbank), "sat")
    normalised = NetworkFeatureOptions(deltas=2, cmvn="utterance", cmvn_variance=True)
    assert not NetworkFeatures(FeaturesOptions(network=normalised), "mono").missing(here, tmp_path)
    other = NetworkFeatures(FeaturesOptions(network=mfcc), "sat")
    assert other.missing(here, tmp_path) == "features.network has type mfcc, here fbank; bins 23, here 40"
    adapted = FeaturesOptions(hmm=HMM, network=NetworkFeatureOptions(type="hmm"))
    assert not NetworkFeatures(adapted, "sat").missing(here, tmp_path)
    assert NetworkFeatures(adapted, "tri").missing(here, tmp_path) == f"pass tri is not in {tmp_path}"
    assert "features.network has type fbank, here hmm" in here.missing(NetworkFeatures(adapted, "sat"), tmp_path)


def test_only_what_a_network_reads_makes_features_differ() -> None:
    network = FeaturesOptions(hmm=HMM)
    assert NetworkFeatures(network, "sat").read == NetworkFeatures(FeaturesOptions(), "mono").read
    adapted = FeaturesOptions(hmm=HMM, network=NetworkFeatureOptions(type="hmm"))
    assert NetworkFeatures(adapted, "sat").read != NetworkFeatures(adapted, "mono").read


@pytest.mark.parametrize(
    ("own", "here", "said"),
    [
        ({}, {}, ""),
        ({"cmvn": "none"}, {}, "features.network has cmvn none, here speaker"),
        ({"bins": 30, "deltas": 1}, {}, "features.network has bins 30, here 40; deltas 1, here 0"),
        ({"type": "hmm"}, {}, "features.network has type hmm, here fbank"),
        ({"type": "hmm"}, {"type": "hmm"}, "hmm.passes end with mono, here tri"),
    ],
)
def test_how_features_are_unlike(own: dict[str, Any], here: dict[str, Any], said: str) -> None:
    one, other = (FeaturesOptions(network=NetworkFeatureOptions(**options)) for options in (own, here))
    assert NetworkFeatures(one, "mono").unlike(NetworkFeatures(other, "tri")) == said
