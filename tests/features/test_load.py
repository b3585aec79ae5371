from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.frames import FrameSet
from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices
from asr_prune.features.cmvn import apply_cmvn, cmvn_stats
from asr_prune.features.deltas import add_deltas
from asr_prune.features.extract import extract
from asr_prune.features.load import load, prepared
from asr_prune.features.options import FeatureOptions, HmmFeatureOptions


@pytest.fixture
def out(data: DataDir, tmp_path: Path) -> Path:
    extract(data.path, tmp_path / "out", FeatureOptions(), 1)
    return tmp_path / "out"


def test_cmvn_comes_before_deltas(data: DataDir, out: Path) -> None:
    options = FeatureOptions(deltas=2)
    raw, stats = dict(read_matrices(out / "feats.scp")), dict(read_matrices(out / "cmvn.scp"))
    found = load(out, options, data.utt2spk)
    assert list(found) == list(data.utt2spk)
    for utterance, matrix in found.items():
        assert (matrix.dtype, matrix.shape) == (np.float32, (len(raw[utterance]), options.dim))
        np.testing.assert_array_equal(matrix, add_deltas(apply_cmvn(raw[utterance], stats[utterance[:3]]), 2))


def test_normalisation_is_over_what_was_asked(data: DataDir, out: Path) -> None:
    raw = dict(read_matrices(out / "feats.scp"))
    for matrix in load(out, FeatureOptions(cmvn="utterance", cmvn_variance=True), data.utt2spk).values():
        np.testing.assert_allclose((matrix.mean(axis=0), matrix.std(axis=0)), ([0] * 13, [1] * 13), atol=1e-3)
    by_speaker = load(out, FeatureOptions(cmvn="speaker"), data.utt2spk)
    np.testing.assert_allclose(np.vstack([by_speaker["ann-1"], by_speaker["ann-2"]]).mean(axis=0), 0, atol=1e-3)
    np.testing.assert_array_equal(load(out, FeatureOptions(cmvn="none"), data.utt2spk)["bob-1"], raw["bob-1"])
    assert cmvn_stats([raw["bob-1"]])[0, -1] == len(raw["bob-1"])


@pytest.mark.parametrize("kind", ["speaker", "utterance", "global", "none"])
def test_features_at_hand_are_as_those_of_archives(data: DataDir, out: Path, kind: str) -> None:
    options = FeatureOptions(deltas=1, cmvn=kind, cmvn_variance=True)  # type: ignore[arg-type]
    stored, raw = load(out, options, data.utt2spk), dict(read_matrices(out / "feats.scp"))
    found = prepared(raw, options, data.utt2spk)
    assert list(found) == list(stored)
    for utterance, matrix in stored.items():
        np.testing.assert_array_equal(found[utterance], matrix)


def test_global_normalisation_is_left_to_the_network(data: DataDir, out: Path) -> None:
    plain, left = (load(out, FeatureOptions(cmvn=kind), data.utt2spk) for kind in ("none", "global"))  # type: ignore[arg-type]
    assert all(np.array_equal(plain[name], left[name]) for name in plain)
    examples = FrameSet.from_utterances(left, {name: np.zeros(len(x), int) for name, x in left.items()}, (1, 1))
    network = FeedForward(examples.inputs, (4,), 3)
    network.set_normalisation(*examples.moments())
    seen = network.normalise(examples.splice(torch.arange(len(examples))))[:, 13:26]
    assert torch.allclose(seen.mean(0), torch.zeros(13), atol=1e-3)
    assert torch.allclose(seen.std(0), torch.ones(13), atol=1e-3)
    with pytest.raises(ValueError, match=r"cmvn global is for features.network; the GMM-HMM needs speaker"):
        HmmFeatureOptions(cmvn="global")


def test_only_the_utterances_asked_for(data: DataDir, out: Path) -> None:
    assert list(load(out, FeatureOptions(), {"bob-2": "bob", "zoe-1": "zoe"})) == ["bob-2"]


def test_what_does_not_fit_the_options_is_one_sentence(data: DataDir, out: Path) -> None:
    with pytest.raises(UserError, match="has 13 columns, but the recipe needs 40"):
        load(out, FeatureOptions(type="fbank", bins=40), data.utt2spk)
    with pytest.raises(UserError, match="no statistics of speaker zoe"):
        load(out, FeatureOptions(), {"bob-1": "zoe"})
    (out / "cmvn.scp").unlink()
    with pytest.raises(UserError, match=r"cmvn.scp is missing; correct its path"):
        load(out, FeatureOptions(), data.utt2spk)


def test_arrays_can_be_changed_by_their_owner(data: DataDir, out: Path) -> None:
    for kind in ("speaker", "none"):
        loaded = load(out, FeatureOptions(cmvn=kind), data.utt2spk)  # type: ignore[arg-type]
        loaded["bob-1"] += 1
