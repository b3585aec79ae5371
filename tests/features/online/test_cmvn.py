from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.features.online.cmvn import online_cmvn
from asr_prune.features.online.settings import CmvnConf

from .slow import slow_cmvn
from .small import make_stats


@given(
    frames=st.integers(1, 40),
    sizes=st.lists(st.integers(4, 30), min_size=3, max_size=3).map(sorted),
    variance=st.booleans(),
    known=st.floats(0.5, 60),
    skip=st.sampled_from(["", "0", "1:3"]),
)
def test_each_frame_is_normalised_by_what_came_before(
    frames: int, sizes: list[int], variance: bool, known: float, skip: str
) -> None:
    everyone, speakers, window = sizes
    settings = {"global_frames": everyone, "speaker_frames": speakers, "cmn_window": window}
    conf = CmvnConf(**settings, norm_vars=variance, skip_dims=skip)  # type: ignore[arg-type]
    features = np.random.default_rng(frames).normal(3, 9, (frames, 4)).astype(np.float32)
    stats = make_stats(4)
    for speaker in (None, stats * (known / 400)):
        fast, slow = (
            online_cmvn(features, conf, stats, speaker),
            slow_cmvn(features, conf, stats, speaker),
        )
        assert fast.dtype == np.float32
        np.testing.assert_allclose(fast, slow, rtol=1e-3, atol=2e-3)


@given(
    reads=st.lists(st.integers(0, 11), min_size=1, max_size=40),
    sizes=st.lists(st.integers(4, 30), min_size=3, max_size=3).map(sorted),
    least=st.sampled_from([-5.0, 0.0, 5.0, 99.0]),
    known=st.booleans(),
)
def test_quiet_frames_have_the_statistics_of_the_read_before(
    reads: list[int], sizes: list[int], least: float, known: bool
) -> None:
    settings = dict(zip(("global_frames", "speaker_frames", "cmn_window"), sizes, strict=True))
    conf = CmvnConf(**settings, cmn_min_energy=least)  # type: ignore[arg-type]
    features, stats = (
        np.random.default_rng(0).normal(0, 9, (12, 4)).astype(np.float32),
        make_stats(4),
    )
    speaker = stats / 50 if known else None
    fast = online_cmvn(features, conf, stats, speaker, np.array(reads))
    np.testing.assert_allclose(fast, slow_cmvn(features, conf, stats, speaker, reads), rtol=1e-3, atol=2e-3)


def test_without_means_nothing_changes() -> None:
    features = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    np.testing.assert_array_equal(online_cmvn(features, CmvnConf(norm_means=False), make_stats(4)), features)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"cmn_window": 0}, "cmn-window must be positive"),
        ({"global_frames": 700}, "global-frames must be at most speaker-frames"),
        ({"norm_vars": True, "norm_means": False}, "norm-vars needs norm-means"),
        ({"skip_dims": "1,2"}, "skip-dims must be numbers with colons between"),
    ],
)
def test_settings_out_of_range(settings: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        CmvnConf(**settings)
