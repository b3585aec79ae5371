"""Teachers that left speakers out, by the recipe."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.run_dir import RunDir

pytestmark = pytest.mark.trains

ROOT = Path(__file__).resolve().parents[2]
TAUGHT = "taught-teacher-one_two"
RECIPE = """
corpus: {prepare: local/tiny.py}
hmm: {passes: [{type: mono, iterations: 4}]}
features: {network: {type: mfcc, cmvn: global}}
network: {hidden: [12], left_context: 1, right_context: 1, dropout: 0.0}
train: {epochs: 2, batch: 100, threads: 1, learning_rate: 0.01, tensorboard: false}
prune: {method: group_lasso, keep: 0.5, every: 1, steer_every: 2, min_nodes: 2}
runs:
  - {name: one, prune: {method: none}, train: {leave_out: 1/2}}
  - {name: two, prune: {method: none}, train: {leave_out: 2/2}}
  - {name: taught, train: {teacher: [one, two]}}
"""


def test_teachers_of_two_halves_teach_each_other_half(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_stages: Callable[..., None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local").mkdir()
    (tmp_path / "recipes/tiny").mkdir(parents=True)
    shutil.copy(ROOT / "tests/stages/tiny.py", tmp_path / "local")
    (tmp_path / "recipes/tiny/recipe.yaml").write_text(RECIPE)
    run_stages("--recipe", "recipes/tiny", last="score")
    data = DataDir.read("data/tiny/train")
    runs = [RunDir(Path("exp/tiny/runs") / name) for name in ("one-leave_out-1_2", "two-leave_out-2_2", TAUGHT)]
    left = [load_model(run.network).left_out for run in runs]
    assert sorted(left[0] + left[1]) == sorted(set(data.utt2spk.values()))
    assert left[2] == []
    assert [load_model(run.shrunk).left_out for run in runs] == left
    assert json.loads(runs[2].train.read_text())["taught_unheard"] == len(data.utt2spk)
    printed = "".join(capfd.readouterr())
    assert "left out:" in printed
    assert f"{len(data.utt2spk)} utterances were taught by teachers that had not heard them" in printed
    variants = [json.loads(run.result.read_text())["variant"] for run in runs[:2]]
    assert variants == ["leave_out 1/2", "leave_out 2/2"]
    assert main(["explain", str(runs[2].path)]) == 0
    assert "12 training utterances were taught by those that had not heard them" in capfd.readouterr().out
    assert main(["check", "--recipe", "recipes/tiny", "--set", "train.leave_out=3/2"]) == 1
    assert "leave_out must be a part of the speakers, such as 1/4" in capfd.readouterr().err
