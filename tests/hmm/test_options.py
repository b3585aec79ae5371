"""The defaults are those of Kaldi's scripts, egs/wsj/s5/steps/train_*.sh, and programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from asr_prune.hmm.options import (
    HmmOptions,
    LdaMlltOptions,
    MonoOptions,
    PassOptions,
    SatOptions,
    TriOptions,
    front_pass,
)

#: scale_opts, beam, retry_beam, boost_silence, in all four
ALL = {"transition_scale": 1.0, "acoustic_scale": 0.1, "self_loop_scale": 0.1}
ALL |= {"beam": 10, "retry_beam": 40, "boost_silence": 1.0, "shortest": 0, "utterances": 0}
#: num_iters, max_iter_inc, realign_iters, cluster_thresh
TIED: dict[str, Any] = {**ALL, "iterations": 35, "grow_iterations": 25, "realign": (10, 20, 30)}
TIED |= {"cluster_threshold": -1}
MONO = {**ALL, "iterations": 40, "grow_iterations": 30, "gaussians": 1000, "power": 0.25}
MONO |= {"initial_beam": 6, "starts": 1}
TIED |= {"starts": 1}
LDA = {"power": 0.25, "dim": 40, "left_context": 4, "right_context": 4}
LDA |= {"mllt_iterations": (2, 4, 6, 12)}
SAT = {"power": 0.2, "fmllr_iterations": (2, 4, 6, 12), "fmllr_min_frames": 500}
REALIGN = "1 2 3 4 5 6 7 8 9 10 12 14 16 18 20 23 26 29 32 35 38"


@pytest.mark.parametrize(
    ("kind", "kaldis"),
    [
        (MonoOptions, {**MONO, "realign": tuple(map(int, REALIGN.split()))}),
        (TriOptions, {**TIED, "power": 0.25}),
        (LdaMlltOptions, TIED | LDA),
        (SatOptions, TIED | SAT),
    ],
)
def test_defaults_are_kaldis(kind: Any, kaldis: dict[str, Any]) -> None:
    options = kind()
    assert {name: getattr(options, name) for name in kaldis} == kaldis


@pytest.mark.parametrize("name", ["iterations", "grow_iterations", "gaussians", "beam", "starts"])
def test_what_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be positive, not 0"):
        replace(MonoOptions(), **{name: 0})


@pytest.mark.parametrize("name", ["shortest", "utterances"])
def test_a_subset_has_no_negative_size(name: str) -> None:
    assert getattr(replace(TriOptions(), **{name: 1}), name) == 1
    with pytest.raises(ValueError, match="shortest and utterances must be 0 or more"):
        replace(TriOptions(), **{name: -1})


def test_the_second_beam_is_wider() -> None:
    for beam in (40.0, 41.0):
        with pytest.raises(ValueError, match=r"retry_beam must be above beam, not 40\.0"):
            TriOptions(beam=beam)
        with pytest.raises(ValueError, match=r"retry_beam must be above initial_beam, not 40\.0"):
            MonoOptions(initial_beam=beam)
    assert TriOptions(beam=39.9).retry_beam == 40


def test_a_flat_start_begins_with_a_beam_of_its_own() -> None:
    own = MonoOptions(initial_beam=7.0, beam=9.0)
    assert [own.beam_at(iteration) for iteration in (1, 2, 3)] == [7.0, 9.0, 9.0]
    assert TriOptions(beam=9.0).beam_at(1) == 9.0


def test_each_leaf_has_a_gaussian() -> None:
    assert TriOptions(leaves=50, gaussians=50).gaussians == 50
    with pytest.raises(ValueError, match=r"gaussians must be at least leaves \(51\), not 50"):
        TriOptions(leaves=51, gaussians=50)


def test_kaldis_labels_have_one_pdf_or_more(tmp_path: Any) -> None:
    assert HmmOptions(labels=tmp_path, pdfs=1).last == "kaldi"
    with pytest.raises(ValueError, match="pdfs must be at least 1, not 0"):
        HmmOptions(labels=tmp_path, pdfs=0)


@pytest.mark.parametrize(
    ("passes", "front"),
    [
        ([MonoOptions()], 0),
        ([MonoOptions(), LdaMlltOptions(), SatOptions(), SatOptions(name="sat2")], 1),
        ([MonoOptions(), LdaMlltOptions(), TriOptions(), SatOptions()], 2),
        ([LdaMlltOptions(), SatOptions(), TriOptions()], 2),
        ([SatOptions()], 0),
    ],
)
def test_speaker_adaptive_passes_have_the_front_end_before_them(passes: list[PassOptions], front: int) -> None:
    assert front_pass(passes) == passes[front]
