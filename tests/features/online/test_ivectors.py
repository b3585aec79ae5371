from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.features.cmvn import cmvn_stats
from asr_prune.features.online.ivectors import IvectorModel, SpeakerState
from asr_prune.features.online.settings import CmvnConf, IvectorConf, SpliceConf

from .slow import slow_ivectors
from .small import CEPS, DIM, SPLICE, make_extractor, make_stats, make_transform, make_ubm

MODEL = IvectorModel(
    IvectorConf(num_cg_iters=DIM + 5),
    CmvnConf(cmn_window=20, speaker_frames=15, global_frames=8),
    SpliceConf(*SPLICE),
    make_stats(),
    make_transform(),
    make_ubm(),
    make_extractor(),
)


def speech(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(5, 20, (frames, CEPS)).astype(np.float32)


@given(
    frames=st.integers(1, 40),
    period=st.integers(1, 12),
    max_count=st.sampled_from([0.0, 0.5]),
    normalised=st.booleans(),
    weighted=st.booleans(),
    affine=st.booleans(),
)
def test_ivectors_are_those_of_the_definition(
    frames: int, period: int, max_count: float, normalised: bool, weighted: bool, affine: bool
) -> None:
    conf = replace(MODEL.conf, max_count=max_count, online_cmvn_iextractor=normalised)
    transform = MODEL.transform if affine else MODEL.transform[:, :-1]
    model, features = replace(MODEL, conf=conf, transform=transform), speech(frames)
    ends = np.arange(0, frames, period)
    weights = np.random.default_rng(frames).choice([0.0, 0.001, 0.3, 1.0], frames) if weighted else None
    found, _ = model.ivectors(features, ends, weights=weights)
    assert found.dtype == np.float32
    slow = slow_ivectors(features, model, ends.tolist(), None if weights is None else weights.tolist())
    np.testing.assert_allclose(found, slow, atol=2e-3, rtol=2e-3)


def test_a_few_steps_start_from_the_estimate_before() -> None:
    model = replace(MODEL, conf=replace(MODEL.conf, num_cg_iters=1))
    features = speech(30)
    slowly, _ = model.ivectors(features, np.arange(0, 30, 5))
    at_once, _ = model.ivectors(features, np.array([25]))
    exact = slow_ivectors(features, model, [25])[0]
    assert np.linalg.norm(slowly[-1] - exact) < np.linalg.norm(at_once[0] - exact)


def test_what_is_known_of_a_speaker_goes_on() -> None:
    model = replace(MODEL, conf=replace(MODEL.conf, max_remembered_frames=25))
    one, two = speech(20, 1), speech(20, 2)
    _, state = model.ivectors(one, np.array([19]))
    assert state.stats.frames == pytest.approx(2.0)
    np.testing.assert_allclose(state.cmvn, cmvn_stats([one]))
    later, state = model.ivectors(two, np.array([19]), state)
    assert not np.allclose(later, model.ivectors(two, np.array([19]))[0])
    assert state.stats.frames == pytest.approx(2.5)
    assert state.cmvn is not None
    np.testing.assert_allclose(state.cmvn, cmvn_stats([one, two]) * 25 / 40)


def test_frames_after_the_last_estimate_add_nothing_to_the_next() -> None:
    features = speech(30)
    _, state = MODEL.ivectors(features, np.array([0, 20]))
    _, shorter = MODEL.ivectors(features[:24], np.array([0, 20]))
    np.testing.assert_allclose(state.stats.linear, shorter.stats.linear, rtol=1e-5)
    assert state.stats.frames == pytest.approx(2.1)
    assert state.cmvn is not None
    assert state.cmvn[0, -1] == 30


def test_a_speaker_who_is_known_less_than_the_limit_is_known_as_before() -> None:
    state = SpeakerState(None, MODEL.begin().stats)
    assert state.limited(0, 0.1).stats is state.stats
