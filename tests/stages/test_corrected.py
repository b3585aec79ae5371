"""A corpus that is corrected after it was recognised: what depends on the correction is done again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from asr_prune.cli.main import main

pytestmark = pytest.mark.trains
GIVEN = ("--recipe", "recipes/tiny")
SCRIPT = Path("local/tiny.py")
HMM = """
corpus: {prepare: local/tiny.py}
hmm: {passes: [{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}]}
network: {hidden: [32], dropout: 0.1}
train: {epochs: 2, batch: 64, threads: 1, tensorboard: false}
runs: [{name: one, prune: {method: none}}]
decode: {lm_weights: [8, 10], penalties: [0.0]}
"""
CTC = """
corpus: {prepare: local/tiny.py}
lang: {tokens: phones}
decode: {type: ctc, search: graph, ctc_lm_weights: [8], penalties: [0.0]}
features: {network: {bins: 10}}
network: {type: tdnn, hidden: [8, 8], strides: [1]}
train: {epochs: 1, batch: 300, threads: 1, tensorboard: false}
runs: [{name: one, prune: {method: none}}]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for folder in ("local", "recipes/tiny"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("tiny.py"), SCRIPT)
    return tmp_path / "recipes/tiny/recipe.yaml"


def corrected(*changes: tuple[str, str]) -> None:
    text = SCRIPT.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    SCRIPT.write_text(text)


def test_words_in_another_case_are_recognised_in_it(project: Path, run_stages: Callable[..., None]) -> None:
    """The graph has the numbers of words, which stay as they are: its words.txt alone is new."""
    project.write_text(HMM)
    run_stages(*GIVEN, last="score")
    run = Path("exp/tiny/runs/one")
    before = json.loads((run / "score_test.json").read_text())["wer"]
    graph = Path("exp/tiny/graph/HCLG.fst").read_bytes()
    assert before < 100
    corrected(*((f'"{word}"', f'"{word.lower()}"') for word in ("LOW", "MID", "HIGH")))
    run_stages(*GIVEN, last="score")
    assert Path("exp/tiny/graph/HCLG.fst").read_bytes() == graph
    words = {
        word for line in (run / "decode_test/penalty_0/8.txt").read_text().splitlines() for word in line.split()[1:]
    }
    assert words
    assert words <= {"low", "mid", "high"}
    assert json.loads((run / "score_test.json").read_text())["wer"] == before


def test_another_pronunciation_is_learnt_and_searched(
    project: Path, run_stages: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The phones, the words and G stay as they are."""
    project.write_text(CTC)
    run_stages(*GIVEN, last="train")
    corrected(('zip(TONES, "LMH"', 'zip(TONES, ("L H", "M", "H")'))
    run_stages(*GIVEN, last="lang")
    capsys.readouterr()
    assert main(["due", *GIVEN, "--stop-stage", "train"]) == 0
    assert set(capsys.readouterr().out.splitlines()) >= {"corpus: up to date", "lang: up to date", "graph", "train"}


def test_labels_that_come_out_the_same_train_nothing_again(
    project: Path, run_stages: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    project.write_text(HMM)
    run_stages(*GIVEN, last="train")
    Path("exp/tiny/align/mono/tree").unlink()
    capsys.readouterr()
    run_stages(*GIVEN, last="train")
    said = capsys.readouterr().out
    assert "align mono: training the GMM-HMM" in said
    assert "train one: up to date" in said
