"""RESULTS.md and the page of the report beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.layout import Layout
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import score
from asr_prune.score.write import write_score
from tests.report.conftest import invented_row

WORDS = {f"{speaker}-{i}": ["A", "B", "C", "D"] for speaker in "pqrstuvw" for i in range(5)}
SPEAKERS = {utt: utt[0] for utt in WORDS}
WRITE = ["results", "--recipe", "recipes/tiny"]


def add_run(name: str, method: str, wrong: int, part: str = "tiny") -> None:
    """A run that has `wrong` of each utterance's four words wrong, but for one utterance that is right."""
    run = Layout(part).run(name)
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


def test_another_folder_has_results_of_its_own() -> None:
    """So that those with folds, or of another sweep, stand beside the others."""
    add_run("dense", "none", 1)
    report()
    into = ["--into", "recipes/tiny/folds"]
    assert main([*WRITE, "--page", *into]) == 0
    assert {path.name for path in Path("recipes/tiny/folds").iterdir()} == {"RESULTS.md", "results.png", PAGE.name}
    assert {path.name for path in Path("recipes/tiny").iterdir() if path.is_file()} == {"recipe.yaml"}
    assert main([*WRITE, "--check", *into]) == 0


@pytest.mark.parametrize(
    ("more", "row"),
    [
        ([], "train 2 utterances of 2 speakers, 0.00 h, 4 words; dev 1 utterances of 1 speakers, 0.00 h, 2 words; te"),
        (["--set", "corpus.folds=3"], "4 utterances of 4 speakers, 0.00 h, 8 words, each tested once |"),
    ],
    ids=["whole", "folds"],
)
def test_the_corpus_of_folds_is_all_of_it(more: list[str], row: str) -> None:
    for part, speakers in {"train": "pq", "dev": "r", "test": "s"}.items():
        utts = {f"{speaker}-0": speaker for speaker in speakers}
        data = DataDir(Layout("tiny").set(part))
        data.wavs, data.text, data.utt2spk = dict.fromkeys(utts, "none.wav"), {utt: ["A", "B"] for utt in utts}, utts
        data.write()
    add_run("dense", "none", 1, "tiny/folds-3/pooled" if more else "tiny")
    assert main([*WRITE, *more]) == 0
    assert f"| corpus | {row}" in Path("recipes/tiny/RESULTS.md").read_text()


def test_one_set_has_no_letter() -> None:
    add_run("dense", "none", 1)
    assert main(WRITE) == 0
    assert letters() == {"dense": "-"}


def report(*more: str) -> None:
    assert main(["report", "--recipe", "recipes/tiny", *more]) == 0


PAGE = Path("recipes/tiny/results.html")


def test_the_page_of_a_report_of_another_pass_is_copied_until_that_changes(capsys: pytest.CaptureFixture[str]) -> None:
    add_run("dense", "none", 1)
    labels = Layout("tiny").hmm("mono") / "pdf.ark"
    labels.parent.mkdir(parents=True)
    labels.write_text("labels")
    report("--set", "hmm.passes=[{type: mono}]")
    assert main([*WRITE, "--page"]) == 0
    assert PAGE.read_bytes() == Path("exp/tiny/report/index.html").read_bytes()
    labels.write_text("other labels")
    assert main([*WRITE, "--page"]) == 1
    assert "index.html is not up to date (changed: exp/tiny/align/mono/pdf.ark); make" in capsys.readouterr().err


def test_a_report_with_other_settings_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    add_run("dense", "none", 1)
    report("--set", "report.title=Another")
    assert main([*WRITE, "--page"]) == 1
    said = "index.html was made with other settings of report or score; give the --set that it was made with, or make"
    assert said in capsys.readouterr().err
    assert not PAGE.exists()
    assert main([*WRITE, "--page", "--set", "report.title=Another"]) == 0
    assert "Another" in PAGE.read_text()


def test_a_report_that_lacks_a_run_or_a_file_is_not_copied(capsys: pytest.CaptureFixture[str]) -> None:
    add_run("dense", "none", 1)
    assert main([*WRITE, "--page"]) == 1
    assert "index.html is not up to date (not made yet)" in capsys.readouterr().err
    report()
    add_run("l2-keep0.5", "l2", 1)
    assert main([*WRITE, "--page"]) == 1
    assert "(changed: exp/tiny/runs/l2-keep0.5/result.json" in capsys.readouterr().err
    report()
    Path("exp/tiny/report/index.html").write_text("")
    assert main([*WRITE, "--page"]) == 1
    assert "index.html is changed" in capsys.readouterr().err
