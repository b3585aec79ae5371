"""The table of an imported model's runs, and one of them in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asr_prune.cli.main import main
from asr_prune.report.imported_runs import imported_figures, imported_lines
from asr_prune.run_dir import RunDir

TRAIN = {"nodes_per_layer_dense": [20, 30], "params_dense": 1000, "macs_dense": 800}
SIZE = {"nodes": [10, 15], "params": 600, "macs": 400}
NEAR = {"dev_ce_final": 0.0812, "frame_accuracy_dev": 0.241}
WORDS = {"edits": 9, "words": 10, "utterances_alike": 1, "utterances": 4, "rtf": 0.02, "rtf_original": 0.03}
SPOKEN = {"words_spoken": 10, "errors": 8, "errors_original": 5}


def made(folder: Path, name: str, words: dict[str, Any] | None = None) -> RunDir:
    run = RunDir(folder / name)
    run.shrunk.parent.mkdir(parents=True)
    run.shrunk.write_bytes(b"network")
    run.train.write_text(json.dumps(TRAIN | NEAR))
    run.size.write_text(json.dumps(SIZE))
    if words:
        run.vosk.write_text(json.dumps(words))
    return run


def test_a_run_in_words(tmp_path: Path) -> None:
    near = "distance 0.0812, same best 24.1 %"
    assert imported_figures(made(tmp_path, "a")) == f"{near}, 0.50 of the multiply-adds"
    heard = made(tmp_path, "b", WORDS | SPOKEN)
    assert imported_figures(heard) == f"{near}, other words 90.00 %, 0.50 of the multiply-adds"


@pytest.mark.parametrize("words", [None, WORDS | SPOKEN, WORDS | {"words_spoken": 0, "words": 0}])
def test_figures_stand_under_their_heads_however_long_a_name_is(tmp_path: Path, words: dict[str, Any] | None) -> None:
    long = "group_lasso-macs0.5-epochs-1-utterances-2-init-another"
    head, *rows = imported_lines([made(tmp_path, "a", words), made(tmp_path, long, words)])[:3]
    assert [row.split()[0] for row in rows] == ["a", long]
    assert len(head) == len(rows[0]) == len(rows[1])
    for title, cell in (("nodes", "25 of 50"), ("distance", "0.0812"), ("same best", "24.1 %")):
        assert [row.index(cell) + len(cell) for row in rows] == [head.index(title) + len(title)] * 2


def test_without_words_of_the_original_there_is_no_share(tmp_path: Path) -> None:
    run = made(tmp_path, "a", WORDS | {"words": 0, "words_spoken": 0})
    assert "9 words where the original has none" in imported_figures(run)
    assert "        -             1 of 4" in imported_lines([run])[1]


def test_a_damaged_run_is_named_below_the_others(tmp_path: Path) -> None:
    run = made(tmp_path, "b")
    run.train.write_text("{")
    lines = imported_lines([made(tmp_path, "a"), run, RunDir(tmp_path / "begun")])
    assert [line.split()[0] for line in lines[:2]] == ["run", "a"]
    assert lines[-1].startswith("b: damaged (")
    assert imported_lines([]) == ["no run is trained and shrunk"]


def test_the_list_says_that_they_are_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    made(Path("exp/small/runs"), "a", WORDS | SPOKEN)
    made(Path("exp/small/runs"), "b")
    assert main(["list"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "exp/small: 2 runs, 1 finished"
    assert lines[0] == "a  finished: its words are compared with the original's"
