"""The front end between cepstra and a GMM-HMM: against loops, and through its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.features.deltas import add_deltas
from asr_prune.features.options import HmmFeatureOptions
from asr_prune.hmm.frontend import FrontEnd, check_cmvn, check_columns, splice


def test_splice_is_the_loop() -> None:
    feats = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    made = splice(feats, 2, 1)
    for t in range(5):
        slow = [feats[min(max(t + shift, 0), 4)] for shift in (-2, -1, 0, 1)]
        np.testing.assert_array_equal(made[t], np.concatenate(slow))


@pytest.mark.parametrize(
    "front",
    [
        FrontEnd(deltas=2, variance=True),
        FrontEnd(deltas=1, means=False),
        FrontEnd(left=3, right=2, matrix=np.random.default_rng(1).normal(size=(4, 12)).astype(np.float32)),
    ],
)
def test_comes_back_from_its_files(front: FrontEnd, tmp_path: Path) -> None:
    front.save(tmp_path)
    feats = np.random.default_rng(2).normal(size=(7, 2)).astype(np.float32)
    back = FrontEnd.load(tmp_path)
    np.testing.assert_array_equal(back(feats), front(feats))
    assert back.dim(2) == front(feats).shape[1]
    assert (back.means, back.variance, back.deltas) == (front.means, front.variance, front.deltas)


def test_kaldis_defaults_without_option_files(tmp_path: Path) -> None:
    feats = np.ones((4, 3), np.float32)
    np.testing.assert_array_equal(FrontEnd.load(tmp_path)(feats), add_deltas(feats, 2))


def test_variances_stay_unless_asked(tmp_path: Path) -> None:
    FrontEnd().save(tmp_path)
    assert "--norm-vars=false" in (tmp_path / "cmvn_opts").read_text()
    assert not FrontEnd.load(tmp_path).variance
    FrontEnd(variance=True).save(tmp_path)
    assert FrontEnd.load(tmp_path).variance


def test_options_that_are_no_numbers(tmp_path: Path) -> None:
    FrontEnd(left=1, right=1, matrix=np.ones((1, 3), np.float32)).save(tmp_path)
    (tmp_path / "splice_opts").write_text("--left-context=many\n")
    with pytest.raises(UserError, match="left-context"):
        FrontEnd.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "means", "variance"), [("--norm_vars", True, True), ("--norm-means=false", False, False)]
)
def test_options_are_read_as_kaldi_reads_them(tmp_path: Path, text: str, means: bool, variance: bool) -> None:
    (tmp_path / "cmvn_opts").write_text(text)
    front = FrontEnd.load(tmp_path)
    assert (front.means, front.variance) == (means, variance)


@pytest.mark.parametrize(("name", "text"), [("delta_opts", "--delta-window=3"), ("cmvn_opts", "--skip-dims=13:14")])
def test_options_that_would_change_the_features_are_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=f"{name}: {text} is not supported"):
        FrontEnd.load(tmp_path)


CMVN = [("speaker", False), ("utterance", True), ("none", False), ("none", True)]


@pytest.mark.parametrize(("cmvn", "variance"), CMVN)
def test_cepstra_must_be_normalised_as_in_training(tmp_path: Path, cmvn: str, variance: bool) -> None:
    options = HmmFeatureOptions(cmvn=cmvn, cmvn_variance=variance)  # type: ignore[arg-type]
    check_cmvn(tmp_path, options)
    means = cmvn != "none"
    for trained in ((True, True), (True, False), (False, False)):
        FrontEnd(means=trained[0], variance=trained[1]).save(tmp_path)
        if trained == (means, means and variance):
            check_cmvn(tmp_path, options)
            continue
        with pytest.raises(UserError, match=r"cmvn_opts has --norm-means=\w+ --norm-vars=\w+, but features.hmm.cmvn"):
            check_cmvn(tmp_path, options)


def test_cepstra_must_have_the_columns_of_training(tmp_path: Path) -> None:
    for front, dim in ((FrontEnd(deltas=2), 39), (FrontEnd(left=1, right=1, matrix=np.ones((7, 39), np.float32)), 7)):
        check_columns(tmp_path, front, 13, dim)
        with pytest.raises(UserError, match=r"with 13 columns before deltas .*features\.hmm gives 20; set .*ceps"):
            check_columns(tmp_path, front, 20, dim)
