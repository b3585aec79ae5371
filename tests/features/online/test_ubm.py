from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.features.online.settings import IvectorConf
from asr_prune.features.online.ubm import DiagUbm, pruned_posteriors

from .slow import slow_log_likelihoods, slow_posteriors
from .small import FEATURES, make_ubm, ubm_bytes


def test_log_likelihoods() -> None:
    frames = np.random.default_rng(0).normal(size=(5, FEATURES)).astype(np.float32)
    slow = [slow_log_likelihoods(make_ubm(), frame) for frame in frames]
    np.testing.assert_allclose(make_ubm().log_likelihoods(frames), slow, rtol=1e-5)


@given(
    seed=st.integers(0, 999),
    spread=st.sampled_from([0.1, 1.0, 5.0, 40.0]),
    gaussians=st.integers(1, 9),
    most=st.integers(1, 12),
    least=st.sampled_from([0.0, 0.001, 0.025, 0.3, 0.49]),
    weight=st.sampled_from([1.0, 0.0, 0.001, 0.04, 2.5]),
)
def test_posteriors_are_pruned_as_kaldi_prunes_them(
    seed: int, spread: float, gaussians: int, most: int, least: float, weight: float
) -> None:
    likes = (np.random.default_rng(seed).normal(size=(3, gaussians)) * spread).astype(np.float32)
    conf = IvectorConf(num_gselect=most, min_post=least)
    for row, best, posts in zip(likes, *pruned_posteriors(likes, conf, np.full(3, weight)), strict=True):
        fast = {int(g): post for g, post in zip(best, posts, strict=True) if post}
        slow = {g: post for g, post in slow_posteriors(row.tolist(), conf, weight).items() if np.float32(post)}
        assert fast == pytest.approx(slow, rel=1e-5)


@pytest.mark.parametrize("binary", [True, False])
def test_a_file_is_read(tmp_path: Path, binary: bool) -> None:
    path = tmp_path / "final.dubm"
    path.write_bytes(ubm_bytes(make_ubm(), binary))
    for name in ("weights", "means_invvars", "invvars"):
        np.testing.assert_array_equal(getattr(DiagUbm.read(path), name), getattr(make_ubm(), name))


def test_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    path = tmp_path / "final.dubm"
    with pytest.raises(UserError, match=r"cannot read .*final.dubm: No such file"):
        DiagUbm.read(path)
    whole = ubm_bytes(make_ubm())
    for end in range(0, len(whole) - 12, 17):
        path.write_bytes(whole[:end])
        with pytest.raises(UserError, match=r"final.dubm: .* the file is damaged or of another kind"):
            DiagUbm.read(path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weights": 1}, "the Gaussians differ in number or size"),
        ({"means_invvars": 2}, "the Gaussians differ in number or size"),
        ({"invvars": np.nan}, "a Gaussian has no weight, mean or variance"),
    ],
)
def test_gaussians_that_are_none(tmp_path: Path, change: dict, says: str) -> None:
    ubm, path = make_ubm(), tmp_path / "final.dubm"
    parts = {name: getattr(ubm, name).copy() for name in ("weights", "means_invvars", "invvars")}
    ((name, how),) = change.items()
    parts[name] = np.full_like(parts[name], how) if how != how else parts[name][how:]
    damaged = DiagUbm(**parts)
    vars(damaged)["constants"] = ubm.constants
    path.write_bytes(ubm_bytes(damaged))
    with pytest.raises(UserError, match=says):
        DiagUbm.read(path)
