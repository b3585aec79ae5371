"""Speakers that a network does not hear, and who teaches what."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.acoustic.examples import splice_utterance
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.teacher import Networks, Taught, Want, kept_rows
from asr_prune.errors import UserError
from asr_prune.features.archive import write_matrices
from asr_prune.features.stored import Stored
from asr_prune.pruning.left_out import leave_out, unheard
from asr_prune.pruning.teaching import Known, checked_lesson, load_teacher
from asr_prune.run_dir import RunDir
from tests.pruning.test_teaching import PDFS, model, task

CPU = torch.device("cpu")


def stored(folder: Path, frames: dict[str, int]) -> Stored:
    folder.mkdir(parents=True, exist_ok=True)
    write_matrices(folder / "feats", ((name, np.zeros((n, 2), np.float32)) for name, n in sorted(frames.items())))
    return Stored.open(folder / "feats.scp", lambda _, matrix: matrix)


@given(st.lists(st.integers(1, 4), min_size=3, max_size=8), st.integers(2, 3))
def test_every_speaker_is_left_out_by_one_part(
    tmp_path_factory: pytest.TempPathFactory, utterances: list[int], parts: int
) -> None:
    speakers = {f"s{i}-{j}": f"s{i}" for i, count in enumerate(utterances) for j in range(count)}
    train = stored(tmp_path_factory.mktemp("set"), dict.fromkeys(speakers, 3))
    found = [leave_out(train, speakers, (part, parts)) for part in range(1, parts + 1)]
    assert sorted(name for _, left in found for name in left) == sorted(set(speakers.values()))
    for heard, left in found:
        assert set(heard) == {name for name in speakers if speakers[name] not in left}
        assert unheard(left, speakers) == speakers.keys() - set(heard)


def test_parts_are_even_in_frames(tmp_path: Path) -> None:
    frames = {"a": 100, "b": 10, "c": 20, "d": 30, "e": 40}
    train = stored(tmp_path, frames)
    assert [leave_out(train, {name: name for name in frames}, (part, 2))[1] for part in (1, 2)] == [
        ["a"],
        ["b", "c", "d", "e"],
    ]


def test_nothing_is_left_out_unless_asked(tmp_path: Path) -> None:
    train = stored(tmp_path, {"a": 1})
    assert leave_out(train, {"a": "a"}, None) == (train, [])


def test_more_parts_than_speakers_are_refused(tmp_path: Path) -> None:
    train = stored(tmp_path, {"a": 1, "b": 2})
    with pytest.raises(UserError, match=r"there are 2 speakers, who cannot be dealt to 3 parts; set the number of"):
        leave_out(train, {"a": "x", "b": "y"}, (1, 3))


@pytest.mark.parametrize("asked", ["4", "0/4", "5/4", "1/1", "1/", "/4", "a/b", "-1/4", "1/4/4", " 1/4"])
def test_only_parts_are_parts(asked: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"such as 1/4 and up to 4/4, not {asked!r}")):
        TrainOptions(leave_out=asked)
    assert TrainOptions(leave_out="2/3").left_out == (2, 3)
    assert TrainOptions().left_out is None


@pytest.mark.parametrize("asked", [(), (0,), (1, 2)])
def test_only_networks_that_are_asked_are_averaged(tmp_path: Path, asked: tuple[int, ...]) -> None:
    networks = [load_teacher(str(model(tmp_path / f"m{i}", context=(1, 1))), tmp_path).network for i in range(3)]
    for i, network in enumerate(networks):
        with torch.no_grad():
            network.affine[0].weight.mul_(1 + i)
    inputs = torch.from_numpy(splice_utterance(task(1, 1)[0]["u0"], (1, 1)))
    teacher = Networks([(network, Want((1, 1))) for network in networks], 0.5, 1.0)
    found = teacher.posteriors(Taught([inputs] * 3, asked=asked))
    each = [network(inputs).softmax(-1) for network in networks]
    chosen = [each[i] for i in asked] or each
    assert torch.allclose(found, sum(chosen, torch.zeros(())) / len(chosen))


def teachers_of_parts(folder: Path) -> list[Known]:
    """Two that have not heard u0 and u1, one that has not heard u2, and the rest heard by all."""
    absent = (frozenset({"u0", "u1"}), frozenset({"u0", "u1"}), frozenset({"u2"}))
    known = []
    for i, names in enumerate(absent):
        path = str(model(folder / f"t{i}"))
        known.append(Known(path, load_teacher(path, folder), None, names))
        with torch.no_grad():
            known[-1].model.network.affine[0].weight.mul_(1 + i / 2)
    return known


def test_an_utterance_is_taught_by_those_who_have_not_heard_it(tmp_path: Path) -> None:
    known, (features, labels) = teachers_of_parts(tmp_path), task(1, 5)
    network, how = NetworkOptions(hidden=(8,), left_context=1, right_context=1), TrainOptions(teacher_top=PDFS)
    run = RunDir(tmp_path / "student")
    run.models.mkdir(parents=True)
    lesson = checked_lesson(known, (features, labels), PDFS, network, how, run, CPU)
    assert lesson is not None
    assert lesson.side is not None
    for name, askable in {"u0": [0, 1], "u1": [0, 1], "u2": [2], "u3": [0, 1, 2], "u4": [0, 1, 2]}.items():
        inputs = torch.from_numpy(splice_utterance(features[name], (1, 1)))
        mean = torch.stack([known[i].model.network(inputs).softmax(-1) for i in askable]).mean(0)
        assert np.allclose(lesson.side[name], kept_rows(mean, PDFS).detach(), atol=1e-6)


def test_batches_of_mixed_utterances_cannot_choose_among_teachers(tmp_path: Path) -> None:
    known, taught = teachers_of_parts(tmp_path), task(1, 5)
    network, how = NetworkOptions(hidden=(8,), left_context=1, right_context=1), TrainOptions(teacher_top=0)
    run = RunDir(tmp_path / "student")
    with pytest.raises(UserError, match=r"t0 was trained with leave_out, .*; set train\.teacher_top to 16"):
        checked_lesson(known, taught, PDFS, network, how, run, CPU)
    alike = [replace(each, unheard=frozenset()) for each in known]
    assert checked_lesson(alike, taught, PDFS, network, how, run, CPU) is not None
