"""The trail of a run in words."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.errors import UserError
from asr_prune.report.explain import explain, sparkline
from asr_prune.run_dir import RunDir

LAYERS = [
    {
        "nodes": 4,
        "kept": [0],
        "removed_by_the_method": [1, 3],
        "removed_by_the_cut": {"2": 0.25},
        "lowest_score_kept": 0.5,
    },
    {
        "nodes": 2,
        "kept": [0, 1],
        "removed_by_the_method": [],
        "removed_by_the_cut": {},
        "lowest_score_kept": 1.0,
    },
]
SCORES = [
    [[1.0, 0.8, 0.9, 0.4], [1.0, 1.0]],
    [[0.9, 0.0, 0.5, 0.3], [1.0, 1.1]],
    [[0.8, 0.2, 0.3, 0.2], [1.0, 1.2]],
    [[0.5, 0.0, 0.25, 0.1], [1.0, 1.3]],
    [[0.5, 0.0, 0.0, 0.0], [1.0, 1.4]],
]
PHASES = ["warm_up", "warm_up", "sparsify", "sparsify", "fine_tune"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    rows = [
        {"update": 10 * i, "phase": phase, "scores": scores}
        for i, (phase, scores) in enumerate(zip(PHASES, SCORES, strict=True))
    ]
    (tmp_path / "trail.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "nodes.json").write_text(json.dumps({"cut_after_update": 30, "layers": LAYERS}))
    return tmp_path


def test_a_run_in_short(run: Path) -> None:
    text = explain(RunDir(run))
    assert "3 of 6 hidden nodes kept" in text
    assert "warm_up 0-20, sparsify 20-40, fine_tune 40-40; cut after 30" in text
    first, second = [line.split() for line in text.splitlines() if line.split()[:1] in (["1"], ["2"])]
    assert first[:5] == ["1", "4", "1", "2", "1"]
    assert second[:5] == ["2", "2", "2", "0", "0"]


def test_when_and_why_a_node_went(run: Path) -> None:
    assert "layer 1, node 0: it was kept" in explain(RunDir(run), 1, 0)
    assert "node 1: the method had brought it to zero by update 30" in explain(RunDir(run), 1, 1)
    assert "node 3: the method had brought it to zero by update 40" in explain(RunDir(run), 1, 3)
    text = explain(RunDir(run), 1, 2)
    assert "the cut after update 30 removed it: its score 0.25 ranked too low (the lowest kept here is 0.5)" in text
    rows = [line.split() for line in text.splitlines() if line.strip()[:1].isdecimal()]
    assert rows == [
        ["0", "warm_up", "0.9", "2"],
        ["10", "warm_up", "0.5", "2"],
        ["20", "sparsify", "0.3", "2"],
        ["30", "sparsify", "0.25", "2"],
    ]


def test_a_layer_lists_what_went(run: Path) -> None:
    text = explain(RunDir(run), 1)
    assert "layer 1: 1 of 4 nodes kept" in text
    assert "3 nodes were removed, between updates 30 and 40" in text
    assert text.count("\n  node ") == 3
    assert "no node was removed" in explain(RunDir(run), 2)


def test_the_methods_own_log_is_shown(run: Path) -> None:
    row = {"phase": "exploration", "sparsity_asked": 0.5, "sparsity_reached": 0.49, "kept": [3, 2]}
    row |= {"regrown": [1, 2], "dropped": [4, 0], "mean_attention": [0.25, 0.5]}
    rows = [{"update": update, **row} for update in range(0, 400, 10)]
    (run / "attention.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    lines = explain(RunDir(run)).splitlines()
    assert lines[-1].split() == [
        "390",
        "exploration",
        "0.4900",
        "0.5000",
        "3",
        "4",
        "0.250",
        "0.500",
    ]
    assert sum("exploration" in line for line in lines) == 11


def test_sparklines() -> None:
    assert sparkline([0.0, 0.1, 1.0, 2.0]) == "·▁▅█"
    assert sparkline([0.0, 0.0]) == "··"
    assert sparkline([]) == ""


@pytest.mark.parametrize(
    ("layer", "node", "said"),
    [
        (0, None, "has no hidden layer 0; give --layer from 1 to 2"),
        (3, 1, "has no hidden layer 3; give --layer from 1 to 2"),
        (1, 4, "has no node 4; give --node from 0 to 3"),
        (1, -1, "has no node -1; give --node from 0 to 3"),
        (None, 1, "--node 1 needs its layer; add --layer, 1 to 2"),
    ],
)
def test_what_is_not_there_is_told(run: Path, layer: int | None, node: int | None, said: str) -> None:
    with pytest.raises(UserError, match=said):
        explain(RunDir(run), layer, node)


@pytest.mark.parametrize(
    "damage",
    ["{", '{"update": 1}\n', "", '{"update": 0, "phase": "sparsify", "scores": [[1], [2]]}\n'],
)
def test_a_damaged_trail_is_told(run: Path, damage: str) -> None:
    (run / "trail.jsonl").write_text(damage)
    with pytest.raises(UserError, match=r"the trail in .* is damaged .*; train the run again"):
        explain(RunDir(run))


def test_the_verb(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = Path("exp/demo/runs")
    shutil.copytree(run, runs / "whole", ignore=shutil.ignore_patterns("exp"))
    assert main(["explain", str(runs / "whole"), "--layer", "1", "--node", "2"]) == 0
    assert "layer 1, node 2: the cut" in capsys.readouterr().out
    assert main(["explain", str(runs / "nowhere")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "runs/nowhere/trail.jsonl is missing" in line
    shutil.copytree(runs / "whole", runs / "part", ignore=shutil.ignore_patterns("nodes.json"))
    assert main(["explain", str(runs / "part")]) == 1
    assert "nodes.json is missing" in capsys.readouterr().err


def test_torch_is_not_needed() -> None:
    code = "import sys, asr_prune.report.explain; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("weight", "said"),
    [(0.5, "weight 0.5 beside the labels, temperature 2"), (1.0, "without the labels, temperature 2")],
)
def test_how_much_teachers_counted(run: Path, weight: float, said: str) -> None:
    asked = {"teacher": ["big", "other"], "teacher_weight": weight, "temperature": 2.0}
    (run / "recipe.yaml").write_text(json.dumps({"train": asked}))
    assert f"teacher: big, other ({said})" in explain(RunDir(run))
