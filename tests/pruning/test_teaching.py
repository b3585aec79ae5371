"""Runs with teachers: what they are given, that they resume, and what is refused."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.checkpoint import Model, load_model, save_model
from asr_prune.acoustic.examples import splice_utterance
from asr_prune.acoustic.in_memory import side_of
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.teacher import Lesson, Networks, Taught
from asr_prune.acoustic.train import Trainer
from asr_prune.errors import UserError
from asr_prune.export.nnet3_model import nnet3_model
from asr_prune.features.stored import Computed
from asr_prune.nnet3.model import write_nnet3
from asr_prune.pruning.budget import BudgetOptions
from asr_prune.pruning.registry import find_options
from asr_prune.pruning.teaching import Beside, Known, check_teacher, load_teacher
from asr_prune.pruning.training import train_run
from asr_prune.run_dir import RunDir
from tests.nnet3.conftest import tdnnf_model

pytestmark = pytest.mark.trains

PDFS = 5
METHODS: dict[str, dict[str, Any]] = {
    "none": {},
    "group_lasso": {"keep": 0.5, "every": 1, "steer_every": 2},
    "guided": {"keep": 0.5, "every": 1, "steer_every": 2},
    "complexity": {"keep": 0.5},
    "dsd": {"sparsity": 0.5},
    "map": {"granularity": "node", "keep": 0.5, "every": 4},
    "l2": {"keep": 0.5},
    "l1": {"keep": 0.5},
    "magnitude": {"keep": 0.5},
    "gradual": {"keep": 0.5, "every": 2},
    "dense_small": {"keep": 0.5},
    "random": {"keep": 0.5},
    "svd": {"budget": BudgetOptions(params=0.6)},
}


def task(seed: int, count: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((PDFS, 4))
    labels = {f"u{i}": rng.integers(0, PDFS, 60).astype(np.int32) for i in range(count)}
    return {u: (centres[y] + rng.standard_normal((60, 4))).astype(np.float32) for u, y in labels.items()}, labels


def spliced(seed: int, context: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    features, labels = task(seed, 4)
    inputs = np.concatenate([splice_utterance(features[name], context) for name in sorted(features)])
    return torch.from_numpy(inputs), torch.from_numpy(np.concatenate([labels[name] for name in sorted(labels)])).long()


def model(folder: Path, outputs: int = PDFS, context: tuple[int, int] = (1, 1), tokens: tuple[str, ...] = ()) -> Path:
    """A run's folder with a network that knows the task a little."""
    torch.manual_seed(9)
    options = NetworkOptions(hidden=(12,), left_context=context[0], right_context=context[1])
    network = make(options, 4 * (1 + sum(context)), outputs)
    inputs, pdfs = spliced(1, context)
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(30 if outputs == PDFS else 0):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(inputs), pdfs).backward()
        optimiser.step()
    run = RunDir(folder)
    run.models.mkdir(parents=True)
    save_model(run.network, Model(network, torch.zeros(outputs), context, [list(range(12))], {}, list(tokens)))
    return folder


def run(
    folder: Path, *teachers: Path, prune: dict[str, Any] | None = None, labels: int = 1, **train: object
) -> dict[str, Any]:
    network = NetworkOptions(hidden=(16, 12), left_context=1, right_context=1)
    prune = prune or {"method": "none"}
    asked = {
        "epochs": 3,
        "batch": 40,
        "learning_rate": 0.01,
        "tensorboard": False,
        "teacher": tuple(map(str, teachers)),
        **train,
    }
    options = network, TrainOptions(**asked), find_options(prune["method"])(**prune)
    known = [Known(name, load_teacher(name, folder.parent)) for name in options[1].teachers]
    taught = task(1, 6)[0], {name: pdfs.copy() for name, pdfs in task(1, 6)[1].items()}
    for name, pdfs in task(labels, 6)[1].items():
        taught[1][name][::4] = pdfs[::4]
    return train_run(RunDir(folder), taught, task(2, 2), PDFS, options, 3, {}, known)


def weights(folder: Path) -> torch.Tensor:
    return torch.cat([p.flatten() for p in load_model(RunDir(folder).network).network.state_dict().values()])


def test_an_nnet3_model_teaches_as_the_network_that_it_was_made_from(tmp_path: Path) -> None:
    own = model(tmp_path / "own")
    path = tmp_path / "final.mdl"
    write_nnet3(path, nnet3_model(load_model(RunDir(own).network)))
    inputs, _ = spliced(1, (1, 1))
    known = load_teacher(str(path), tmp_path)
    name = min(task(1, 4)[0])
    with torch.no_grad():
        found = known.network(torch.from_numpy(task(1, 4)[0][name]))
        wanted = load_model(RunDir(own).network).network(inputs[: len(found)]).log_softmax(-1)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    assert run(tmp_path / "taught", path)["teachers"] == [str(path)]
    run(tmp_path / "again", own)
    torch.testing.assert_close(weights(tmp_path / "taught"), weights(tmp_path / "again"), rtol=1e-3, atol=1e-3)
    write_nnet3(path, tdnnf_model(ivector=False))
    with pytest.raises(UserError, match=r"gives scores of a chain model, not posteriors"):
        load_teacher(str(path), tmp_path)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_from_a_teacher(tmp_path: Path, method: str) -> None:
    teacher, prune = model(tmp_path / "teacher"), {"method": method, **METHODS[method]}
    figures = run(tmp_path / "taught", teacher, prune=prune)
    run(tmp_path / "alone", prune=prune)
    assert figures["teachers"] == [str(teacher)]
    assert figures["teacher_seconds"] > 0
    assert not torch.equal(weights(tmp_path / "taught"), weights(tmp_path / "alone"))
    assert not list((tmp_path / "taught").rglob("teacher.*"))


def test_all_posteriors_kept_are_the_network_run_on_every_batch(tmp_path: Path) -> None:
    teacher = model(tmp_path / "teacher", context=(2, 0))
    kept = run(tmp_path / "kept", teacher, teacher_top=PDFS)
    live = run(tmp_path / "live", teacher, teacher_top=0)
    assert kept["dev_ce_final"] == pytest.approx(live["dev_ce_final"], abs=1e-5)
    assert torch.allclose(weights(tmp_path / "kept"), weights(tmp_path / "live"), atol=1e-4)


def test_with_a_weight_of_one_the_labels_count_nothing(tmp_path: Path) -> None:
    teacher = model(tmp_path / "teacher")
    run(tmp_path / "right", teacher, teacher_weight=1.0)
    run(tmp_path / "wrong", teacher, labels=8, teacher_weight=1.0)
    run(tmp_path / "half", teacher, labels=8)
    assert torch.equal(weights(tmp_path / "right"), weights(tmp_path / "wrong"))
    assert not torch.equal(weights(tmp_path / "right"), weights(tmp_path / "half"))


@pytest.mark.parametrize("top", [0, 3])
def test_a_killed_run_goes_on_with_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, top: int) -> None:
    teacher = model(tmp_path / "teacher")
    prune = {"method": "group_lasso", "keep": 0.5, "every": 1, "steer_every": 2}
    run(tmp_path / "whole", teacher, prune=prune, teacher_top=top)
    save = Trainer._save

    def killed(self: Trainer) -> None:
        save(self)
        if self.epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_save", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "killed", teacher, prune=prune, teacher_top=top)
    run(tmp_path / "killed", teacher, prune=prune, teacher_top=top)
    assert torch.equal(weights(tmp_path / "killed"), weights(tmp_path / "whole"))


def test_chunks_and_memory_give_posteriors_to_the_same_frames(tmp_path: Path) -> None:
    teacher = model(tmp_path / "teacher")
    whole = run(tmp_path / "whole", teacher, batch=400, epochs=2)
    parts = run(tmp_path / "parts", teacher, batch=400, epochs=2, memory_gb=2e-5)
    assert abs(whole["dev_ce_final"] - parts["dev_ce_final"]) < 0.2


def test_several_teachers_are_averaged(tmp_path: Path) -> None:
    one, two = model(tmp_path / "one"), model(tmp_path / "two", context=(0, 0))
    both = run(tmp_path / "both", one, two)
    assert both["teachers"] == [str(one), str(two)]


@pytest.mark.parametrize(
    ("outputs", "tokens", "classes", "stride", "said"),
    [
        (7, (), PDFS, 1, "has 7 outputs, the labels of this run 5 pdfs"),
        (3, ("_", "a", "b"), PDFS, 1, "was trained on tokens with CTC, this run is on pdfs"),
        (3, (), ["_", "a", "b"], 1, "was trained on pdfs, this run is on tokens with CTC"),
        (3, ("_", "b", "a"), ["_", "a", "b"], 1, "has other tokens than this run, or another order"),
    ],
)
def test_a_teacher_of_other_outputs_is_refused(
    tmp_path: Path, outputs: int, tokens: tuple[str, ...], classes: Any, stride: int, said: str
) -> None:
    path = str(model(tmp_path / "teacher", outputs, tokens=tokens))
    with pytest.raises(UserError, match=said):
        check_teacher(Known(path, load_teacher(path, tmp_path)), task(1, 6), classes, stride, False)


def test_a_teacher_of_other_labels_or_features_is_refused(tmp_path: Path) -> None:
    path = str(model(tmp_path / "teacher"))
    known, (features, labels) = Known(path, load_teacher(path, tmp_path)), task(1, 6)
    check_teacher(known, (features, labels), PDFS, 1, False)
    with torch.no_grad():
        known.model.network.affine[-1].weight.mul_(3)  # as sure as a network that has trained for long
    check_teacher(known, (features, labels), PDFS, 1, False)
    for student in (
        (features, {name: (pdfs + 1) % PDFS for name, pdfs in labels.items()}),
        ({name: matrix[:, ::-1] for name, matrix in features.items()}, labels),
    ):
        with pytest.raises(UserError, match=r"does not know the labels of this run: its cross-entropy on them is \d"):
            check_teacher(known, student, PDFS, 1, False)
    wide = {name: matrix.repeat(2, 1) for name, matrix in features.items()}
    with pytest.raises(UserError, match="reads 12 values a frame, its features give 24"):
        check_teacher(known, (wide, labels), PDFS, 1, False)


def test_other_features_of_a_teacher_cannot_follow_random_changes(tmp_path: Path) -> None:
    path, (features, _) = str(model(tmp_path / "teacher", 3, tokens=("_", "a", "b"))), task(1, 2)
    tokens = {name: np.array([1, 2]) for name in features}
    check_teacher(Known(path, load_teacher(path, tmp_path), features), (features, tokens), ["_", "a", "b"], 1, False)
    with pytest.raises(UserError, match="leave tempo, warp, mask_frames and mask_bands out of train"):
        check_teacher(Known(path, load_teacher(path, tmp_path), features), (features, tokens), ["_", "a", "b"], 1, True)


@pytest.mark.parametrize("top", [0, 2])
def test_the_time_of_a_teacher_is_that_of_its_posteriors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, top: int
) -> None:
    caplog.set_level(logging.INFO, "asr_prune")
    posteriors = Networks.posteriors

    def slow(self: Networks, batch: Taught) -> torch.Tensor:
        time.sleep(0.02)
        return posteriors(self, batch)

    monkeypatch.setattr(Networks, "posteriors", slow)
    figures = run(tmp_path / "run", model(tmp_path / "teacher"), teacher_top=top)
    calls = 6 if top else figures["updates"]
    assert figures["teacher_seconds"] >= 0.02 * calls
    assert figures["teacher_seconds"] < 0.02 * calls + 1
    assert 0 < figures["teacher_share"] < 1
    (each,) = re.findall(rf"training, ([\d.]+) ms for each of {figures['updates']} updates", caplog.text)
    assert float(each) == pytest.approx(1000 * figures["teacher_seconds"] / figures["updates"], abs=0.1)


def test_a_missing_or_damaged_teacher_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere/model/network.pt is not there; give a run"):
        load_teacher("nowhere", tmp_path)
    path = RunDir(model(tmp_path / "teacher")).network
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="damaged"):
        load_teacher(str(path), tmp_path)


def test_features_of_the_teacher_must_have_the_frames_of_the_student(tmp_path: Path) -> None:
    path = str(model(tmp_path / "teacher"))
    features, labels = task(1, 6)
    short = {name: matrix[:-1] for name, matrix in features.items()}
    options = NetworkOptions(hidden=(8,), left_context=1, right_context=1), TrainOptions(teacher=path, epochs=1)
    with pytest.raises(UserError, match="utterance u0 has 60 frames for this run and 59 for the teacher"):
        train_run(
            RunDir(tmp_path / "run"),
            (features, labels),
            task(2, 2),
            PDFS,
            (*options, find_options("none")(method="none")),
            1,
            {},
            [Known(path, load_teacher(path, tmp_path), short)],
        )


def test_side_features_of_a_chunk_are_read_alone() -> None:
    features, read = task(1, 6)[0], list[str]()
    stored = Computed(features, lambda name, matrix: (read.append(name), matrix)[1])
    side = Beside([stored, features], features)
    lesson = Lesson(Networks([], 0.5, 1.0), side)
    found = side_of(["u1", "u4"], lesson, "cpu")
    assert found is not None
    assert torch.equal(found, torch.from_numpy(np.concatenate([features[name] for name in ("u1", "u4")])).repeat(1, 2))
    assert set(read) == {"u1", "u4"}
