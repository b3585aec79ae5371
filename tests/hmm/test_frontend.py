"""The front end between cepstra and a GMM-HMM: against loops, and through its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.features.deltas import add_deltas
from asr_prune.hmm.frontend import FrontEnd, splice


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
        FrontEnd(left=3, right=2, matrix=np.random.default_rng(1).normal(size=(4, 12)).astype(np.float32)),
    ],
)
def test_comes_back_from_its_files(front: FrontEnd, tmp_path: Path) -> None:
    front.save(tmp_path)
    feats = np.random.default_rng(2).normal(size=(7, 2)).astype(np.float32)
    back = FrontEnd.load(tmp_path)
    np.testing.assert_array_equal(back(feats), front(feats))
    assert (back.variance, back.deltas) == (front.variance, front.deltas)


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
