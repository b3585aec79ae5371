"""RESULTS.md and the page of the report beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.layout import Layout
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import score
from asr_prune.score.write import write_score
from tests.report.conftest import invented_row

WORDS = {f"{speaker}-{i}": ["A", "B", "C", "D"] for speaker in "pqrstuvw" for i in range(5)}
SPEAKERS = {utt: utt[0] for utt in WORDS}
WRITE = ["results", "--recipe", "recipes/tiny"]


def add_run(name: str, method: str, wrong: int) -> None:
    """A run that has `wrong` of each utterance's four words wrong, but for one utterance that is right."""
    run = Layout("tiny").run(name)
    run.path.mkdir(parents=True, exist_ok=True)
    hyps = {utt: ["X"] * wrong + words[wrong:] for utt, words in WORDS.items()} | {"p-0": WORDS["p-0"]}
    made = score(hyps, WORDS, SPEAKERS, ScoreOptions(bootstrap=0))
    write_score(run.score("test"), made)
    run.result.write_text(json.dumps(invented_row(name, method, 512, made.wer)))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recipes/tiny").mkdir(parents=True)
    text = "corpus: {prepare: local/tiny.py}\ndecode: {type: hmm}\nscore: {bootstrap: 0}\n"
    Path("recipes/tiny/recipe.yaml").write_text(text)
    Path("local").mkdir()
    Path("local/tiny.py").write_text("def prepare(root, out, seed):\n    pass\n")


def letters() -> dict[str, str]:
    """Of each set on the page."""
    lines = [line.split(" | ") for line in Path("recipes/tiny/RESULTS.md").read_text().splitlines()]
    return {cells[0].strip("| `"): cells[-1].rstrip(" |") for cells in lines if cells[0].startswith("| `")}


def test_letters_are_of_the_runs_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    add_run("dense", "none", 1)
    add_run("l2-keep0.5", "l2", 1)
    assert main(["report", "--recipe", "recipes/tiny"]) == 0
    assert main(WRITE) == 0
    assert letters() == {"dense": "a", "l2-keep0.5": "a"}
    add_run("l2-keep0.5", "l2", 3)
    assert main(WRITE) == 0
    assert letters() == {"dense": "a", "l2-keep0.5": "b"}
    assert main([*WRITE, "--only", "l2"]) == 0
    assert letters() == {"l2-keep0.5": "b"}


def test_one_set_has_no_letter() -> None:
    add_run("dense", "none", 1)
    assert main(WRITE) == 0
    assert letters() == {"dense": "-"}
