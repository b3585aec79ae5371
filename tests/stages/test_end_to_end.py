"""A few minutes of AN4 from audio to the report, and what must hold on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from asr_prune.cli import main
from asr_prune.stages import STAGES

RECIPE = """
corpus: {prepare: PREPARE}
hmm:
  passes:
    - {type: mono, iterations: 12, grow_iterations: 8, gaussians: 300, realign: [1, 2, 3, 4, 6, 8, 10]}
    - {type: tri, leaves: 100, gaussians: 400, iterations: 8, grow_iterations: 5, realign: [4]}
    - {type: lda_mllt, leaves: 100, gaussians: 400, iterations: 8, grow_iterations: 5, realign: [4]}
    - {type: sat, leaves: 100, gaussians: 400, iterations: 8, grow_iterations: 5, realign: [4]}
features: {network: {type: hmm}}
network: {hidden: [96, 96], dropout: 0.1}
train: {epochs: 4, batch: 128, threads: 1, tensorboard: false}
prune: {method: group_lasso}
decode: {lm_weights: [8, 10, 12], penalties: [0.0]}
score: {equivalents: [[O, OH]], bootstrap: 500}
runs:
  - {name: dense, prune: {method: none}}
  - {prune: {keep: 0.5}}
"""
VERBS = list(STAGES)


@pytest.fixture(scope="module")
def done(an4_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """All stages run once, in a folder of their own."""
    here, back = tmp_path_factory.mktemp("project"), Path.cwd()
    (here / "recipes/small").mkdir(parents=True)
    prepare = Path(__file__).parent / "small_an4.py"
    (here / "recipes/small/recipe.yaml").write_text(RECIPE.replace("PREPARE", str(prepare)))
    os.chdir(here)
    given = ["--recipe", "recipes/small", "--nj", "2", "--set", f"corpus.root={an4_root}"]
    statuses = [main([verb, *given]) for verb in VERBS]
    yield SimpleNamespace(here=here, given=given, statuses=statuses, exp=here / "exp/small")
    os.chdir(back)


def test_every_stage_succeeds(done: SimpleNamespace) -> None:
    assert done.statuses == [0] * len(VERBS)


def test_the_table_has_a_row_per_run_with_a_word_error_rate(done: SimpleNamespace) -> None:
    rows = {row["run"]: row for row in json.loads((done.exp / "report/results.json").read_text())}
    assert set(rows) == {"dense", "group_lasso-keep0.5"}
    assert rows["dense"]["wer_test"] < 30
    assert rows["group_lasso-keep0.5"]["wer_test"] < 35
    assert rows["group_lasso-keep0.5"]["nodes"] <= 96
    assert rows["group_lasso-keep0.5"]["params"] < rows["dense"]["params"]
    assert rows["dense"]["nodes"] == rows["dense"]["nodes_dense"] == 192
    for name in ("results.csv", "wer_vs_nodes.png", "index.html"):
        assert (done.exp / "report" / name).stat().st_size > 0


def test_masked_and_shrunk_are_the_same_network(done: SimpleNamespace) -> None:
    for run in ("dense", "group_lasso-keep0.5"):
        found = json.loads((done.exp / "runs" / run / "verify.json").read_text())
        assert found["holds"]
        assert found["utterances_that_differ"] == []
        assert main(["verify", f"exp/small/runs/{run}"]) == 0


def test_again_is_up_to_date(done: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in VERBS:
        capsys.readouterr()
        assert main([verb, *done.given]) == 0
        told = capsys.readouterr().out
        assert "up to date" in told
        assert "training, run" not in told


def test_a_changed_score_block_scores_again_and_trains_nothing(
    done: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    change = [*done.given, "--set", "score.equivalents=[]"]
    assert main(["decode", *change]) == 0
    assert "decode dense: up to date" in capsys.readouterr().out
    assert main(["score", *change]) == 0
    assert "score dense: scoring" in capsys.readouterr().out
    assert main(["score", *done.given]) == 0


def test_a_missing_file_names_the_stage_that_makes_it(
    done: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = done.exp / "graph/HCLG.fst"
    graph.rename(graph.with_suffix(".away"))
    assert main(["decode", *done.given]) == 1
    told = capsys.readouterr().err
    assert "HCLG.fst is missing; the stage graph makes it" in told
    graph.with_suffix(".away").rename(graph)


def test_each_pass_is_decoded_by_the_same_code_and_speaker_adaptation_pays(done: SimpleNamespace) -> None:
    assert main(["ladder", *done.given]) == 0
    rows = {row["pass"]: row for row in json.loads((done.exp / "align/ladder.json").read_text())}
    assert list(rows) == ["mono", "tri", "lda_mllt", "sat"]
    assert rows["mono"]["wer_test"] < 40
    assert rows["sat"]["wer_test"] < 0.75 * rows["mono"]["wer_test"]
    assert rows["tri"]["pdfs"] <= 100
