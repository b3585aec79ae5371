from __future__ import annotations

from collections.abc import Callable

import kaldi_hmm_gmm as khg
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.gmm_split import split, split_targets
from asr_prune.hmm.kaldi_model import unpickled

Make = Callable[[int, int, int], Gmms]
frame_counts = st.lists(st.integers(0, 3000), min_size=1, max_size=8)


@given(frame_counts, st.integers(1, 60))
def test_targets_as_kaldis(frames: list[int], target: int) -> None:
    flat = Gmms.flat(len(frames), np.zeros(2), np.ones(2))
    state = [array[p : p + 1] for p in range(len(frames)) for array in (flat.weights, flat.invvars, flat.means_invvars)]
    am = unpickled(khg.AmDiagGmm, tuple(state))
    am.compute_gconsts()
    am.split_by_count(np.array(frames, np.float32), target, 0.01, 0.25, 20.0)
    ours = split_targets(np.array(frames, float), target, 0.25, 20.0)
    theirs = [am.num_gauss_in_pdf(p) for p in range(len(frames))]
    assert sorted(zip(frames, ours.tolist(), strict=True)) == sorted(zip(frames, theirs, strict=True))


def test_split_keeps_weight_and_moves_halves_apart(random_gmms: Make) -> None:
    gmms = random_gmms(5, 3, 2)
    frames = np.array([500.0, 1000.0, 2000.0])
    made = split(gmms, frames, 20, 0.25, np.random.default_rng(0))
    again = split(gmms, frames, 20, 0.25, np.random.default_rng(0))
    assert made.num_gauss == 20
    sums = np.add.reduceat(made.weights, made.offsets[:-1])
    assert sums == pytest.approx(np.ones(3), abs=1e-5)
    assert len(np.unique(made.means_invvars, axis=0)) == 20
    np.testing.assert_array_equal(made.means_invvars, again.means_invvars)
