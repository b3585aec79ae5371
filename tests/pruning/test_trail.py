"""What a run writes of its nodes is the same after a kill, and complete."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from asr_prune.acoustic.train import Trainer
from asr_prune.layout import RunDir
from asr_prune.pruning.pruner import RECORDS
from asr_prune.pruning.trail import TrailWriter


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "trail.jsonl").read_text().splitlines()]


def test_what_a_killed_run_wrote_after_its_checkpoint_is_overwritten(tmp_path: Path) -> None:
    first = TrailWriter(RunDir(tmp_path))
    first.scores(0, "warm_up", [torch.tensor([1.0, 2.0])])
    first.flush()
    saved = first.state_dict()
    first.scores(5, "sparsify", [torch.tensor([7.0, 8.0])])
    first.flush()
    resumed = TrailWriter(RunDir(tmp_path))
    resumed.scores(0, "warm_up", [torch.tensor([9.0, 9.0])])
    resumed.load_state_dict(saved)
    resumed.scores(5, "sparsify", [torch.tensor([3.0, 1 / 3])])
    resumed.flush()
    assert rows_of(tmp_path) == [
        {"update": 0, "phase": "warm_up", "scores": [[1.0, 2.0]]},
        {"update": 5, "phase": "sparsify", "scores": [[3.0, 0.3333]]},
    ]


def test_a_run_that_starts_anew_begins_its_files_anew(tmp_path: Path) -> None:
    (tmp_path / "trail.jsonl").write_text("left by another run\n" * 9)
    trail = TrailWriter(RunDir(tmp_path))
    trail.scores(0, "warm_up", [torch.tensor([1.0])])
    trail.flush()
    assert len(rows_of(tmp_path)) == 1


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trail = TrailWriter(None)
    trail.scores(0, "warm_up", [torch.tensor([1.0])])
    trail.flush()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["none", "magnitude", "group_lasso", "l2"])
def test_every_method_leaves_a_trail(make_trainer: Callable[..., Trainer], tmp_path: Path, method: str) -> None:
    prune = {"method": method, **({} if method == "none" else {"keep": 0.5})}
    trainer = make_trainer(prune, {"epochs": 6})
    trainer.run()
    rows = rows_of(tmp_path / "run")
    assert [row["update"] for row in rows] == sorted({row["update"] for row in rows})
    assert RECORDS <= len(rows) <= 3 * RECORDS
    assert all([len(layer) for layer in row["scores"]] == [32, 24] for row in rows)
    cut = trainer.hooks.cut
    (at_cut,) = [row for row in rows if row["update"] == cut.step]
    for told, scores in zip(at_cut["scores"], cut.scores, strict=True):
        assert told == pytest.approx(scores.tolist(), rel=1e-3)
    if method != "none":
        assert sum(score == 0 for layer in rows[-1]["scores"] for score in layer) == 28


def test_killed_and_resumed_the_trail_is_the_same(make_trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    prune = {"method": "group_lasso", "keep": 0.5}
    make_trainer(prune, name="whole").run()
    killed = make_trainer(prune, name="part")
    killed._one_epoch()
    killed._one_epoch()
    killed._pass()
    killed.hooks.end_of_epoch(killed.quality())
    make_trainer(prune, name="part").run()
    assert (tmp_path / "part/trail.jsonl").read_bytes() == (tmp_path / "whole/trail.jsonl").read_bytes()
