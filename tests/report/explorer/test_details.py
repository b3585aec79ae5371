"""What a run's panel shows, from whole, missing and damaged files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asr_prune.report.explorer.details import Details, read_details
from asr_prune.report.explorer.panels import histogram, panel_data
from asr_prune.report.runs import FinishedRun, Norms, RunFiles
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import score
from asr_prune.score.write import write_score
from tests.report.conftest import invented, run_files


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    """A run with everything that the panel reads."""
    folder = tmp_path / "runs/one"
    (folder / "shrunk").mkdir(parents=True)
    (folder / "shrunk/network.pt").write_bytes(b"12345")
    epochs = [{"epoch": 1, "train_ce": 2.0, "dev_ce": float("nan"), "nodes": 8}, {"epoch": 2, "nodes": 4}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(epoch) + "\n" for epoch in epochs))
    (folder / "nodes.json").write_text(json.dumps({"layers": [{"nodes": 4, "kept": [1, 3]}]}))
    refs, hyps = {"u1": ["A", "B"], "u2": ["A"]}, {"u1": ["A", "C"], "u2": ["A"]}
    write_score(folder / "score_test.json", score(hyps, refs, {"u1": "s1", "u2": "s2"}, ScoreOptions()))
    return run_files(tmp_path)[0]


def test_everything_is_read(files: RunFiles) -> None:
    skipped: list[str] = []
    found = read_details(files, skipped)
    assert not skipped
    assert found.layers == [(4, 2)]
    assert found.curves == {"epoch": [1, 2], "train_ce": [2.0, None], "dev_ce": [None, None], "nodes": [8, 4]}
    assert found.speakers == {"s1": 50.0, "s2": 0.0}
    assert found.confusions == [("B", "C", 1)]
    assert [(one.name, one.hyp) for one in found.utterances] == [("u1", ["A", "C"]), ("u2", ["A"])]
    assert found.size == 5


def test_a_run_of_all_folds_has_the_mean_layers_and_size_of_theirs(files: RunFiles, tmp_path: Path) -> None:
    together = replace(files, nodes=tmp_path / "none.json", network=tmp_path / "none.pt")
    fold = tmp_path / "runs/other"
    (fold / "shrunk").mkdir(parents=True)
    (fold / "shrunk/network.pt").write_bytes(b"123456789")
    (fold / "nodes.json").write_text(json.dumps({"layers": [{"nodes": 4, "kept": [0, 1, 2]}]}))
    other = run_files(tmp_path)[1]
    found = read_details(replace(together, folds=(files, other)), [])
    assert (found.layers, found.size) == ([(4, 2.5)], 7)
    (fold / "nodes.json").write_text(json.dumps({"layers": []}))
    (fold / "shrunk/network.pt").unlink()
    found = read_details(replace(together, folds=(files, other)), [])
    assert (found.layers, found.size) == ([], None)


def test_nothing_is_missed(tmp_path: Path) -> None:
    skipped: list[str] = []
    (tmp_path / "runs/bare").mkdir(parents=True)
    assert read_details(run_files(tmp_path)[0], skipped) == Details()
    assert not skipped


DAMAGED = [b"", b"{", b"[]", b'"text"', b"3", b'{"layers": 3, "speakers": 3}', b"\xff\xfe", b'{"speakers": {"s": 1}}']


@pytest.mark.parametrize("name", ["metrics", "nodes", "score", "utterances"])
@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_files_are_named_and_left_out(files: RunFiles, name: str, content: bytes) -> None:
    path = files.score.with_suffix(".utts.tsv") if name == "utterances" else getattr(files, name)
    path.write_bytes(content)
    skipped: list[str] = []
    found = read_details(files, skipped)
    assert found.size == 5
    assert all(sentence.startswith(f"one: {path.name} is damaged and left out") for sentence in skipped)
    assert len(skipped) == (0 if name == "metrics" and not content else 1)


def test_a_histogram_counts_every_node() -> None:
    norms = Norms(np.array([0.0, 0.0, 1e-5, 0.5, 1.0, 2.0]), np.array([0, 0, 0, 1, 1, 1], bool))
    found = histogram(norms)
    assert (sum(found["all"]), sum(found["kept"])) == (6, 3)
    assert found["all"][0] == 2
    assert len(found["all"]) == max(found["ticks"])
    assert json.dumps(found)


def test_panels_compare_with_the_median_dense_run() -> None:
    runs = [FinishedRun(invented(f"d{wer:g}", "none", 8, wer), None) for wer in (9.0, 11.0, 10.0)]
    runs.append(FinishedRun(invented("a", "l2", 8, 9.0, commit=None, command=None), None))
    data = panel_data(runs, {run.result.run: Details() for run in runs})
    assert {panel["dense"] for panel in data.values()} == {"d10"}
    assert data["a"]["made"] == {"command": "not recorded", "seed": 1, "commit": None}
    assert data["a"]["layers"] == [(None, 2)] * 4  # nothing says how many there were
    alone = [replace(run, result=invented("u", "none", 8, None)) for run in runs[:1]]
    assert panel_data(alone, {"u": Details()})["u"]["dense"] == ""


def test_panels_compare_with_a_dense_network_of_their_size() -> None:
    rows = [invented(f"d{size}", "none", size, 9.0, nodes_dense=size) for size in (1024, 2048)]
    rows += [invented(f"a{size}", "l2", 8, 9.0, nodes_dense=size) for size in (1024, 2048, 99)]
    data = panel_data([FinishedRun(row, None) for row in rows], {row.run: Details() for row in rows})
    dense = {name: panel["dense"] for name, panel in data.items()}
    assert dense == {"d1024": "d1024", "d2048": "d2048", "a1024": "d1024", "a2048": "d2048", "a99": "d1024"}
