"""The verbs compare and sclite, from folders to the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import score
from asr_prune.score.write import write_score

from .conftest import Made

REFS = {"ann-1": ["ONE", "TWO"], "bob-1": ["OH", "THREE"]}
SPEAKERS = {"ann-1": "ann", "bob-1": "bob"}
Printed = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the runs of an experiment, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return Path("exp/an4/runs")


def scored(folder: Path, refs: dict[str, list[str]] = REFS, speaker: str = "ann", **options: object) -> Path:
    """A run's folder with dev and test scored."""
    hyps = {"ann-1": ["ONE", "TO"], "bob-1": ["O", "THREE"]}
    speakers = {name: SPEAKERS.get(name, "eve") for name in refs} | {"ann-1": speaker}
    output = score(hyps, refs, speakers, ScoreOptions(**options))  # type: ignore[arg-type]
    for name in ("dev", "test"):
        write_score(folder / f"score_{name}.json", output)
    return folder


def refused(printed: Printed, *command: object) -> str:
    """The one line of a command that fails."""
    assert main([str(word) for word in command]) == 1
    (line,) = printed.readouterr().err.splitlines()
    return line


def test_two_runs_are_compared(runs: Path, recognised: Made, capsys: Printed) -> None:
    for name, hyps in (("one", recognised.first), ("two", recognised.second)):
        write_score(runs / name / "score_dev.json", recognised.score(hyps))
    command = ["compare", str(runs / "one"), str(runs / "two"), "--on", "dev", "--samples", "300"]
    assert main(command) == 0
    text = capsys.readouterr().out
    assert text.count("\n") == 5
    assert "probability of improvement: " in text
    assert "MAPSSWE: p " in text
    assert main(command) == 0
    assert capsys.readouterr().out == text


def test_runs_of_different_tests_are_refused(runs: Path, capsys: Printed) -> None:
    run = scored(runs / "run")
    other = scored(runs / "other", {**REFS, "eve-1": ["X"]})
    assert "different sets: 1 utterance in one of them only, e.g. eve-1" in refused(capsys, "compare", run, other)
    other = scored(runs / "other", {**REFS, "ann-1": ["ONE", "TOO"]})
    assert "the reference or the speaker of 1 utterance, e.g. ann-1" in refused(capsys, "compare", run, other)
    other = scored(runs / "other", speaker="dan")
    assert "the reference or the speaker of 1 utterance, e.g. ann-1" in refused(capsys, "compare", run, other)


def test_runs_scored_in_different_ways_are_refused(runs: Path, capsys: Printed) -> None:
    run = scored(runs / "run")
    other = scored(runs / "other", equivalents=[["O", "OH"]])
    assert "different score.equivalents ([] and [['O', 'OH']])" in refused(capsys, "compare", run, other)
    other = scored(runs / "other", normalise=["lower"])
    assert "different score.normalise (['lower'] and [])" in refused(capsys, "compare", other, run, "--on", "dev")


def test_missing_files_are_one_sentence(runs: Path, capsys: Printed) -> None:
    run, other = scored(runs / "run"), scored(runs / "other")
    (other / "score_test.utts.tsv").unlink()
    assert "other/score_test.utts.tsv is missing; run the stage score" in refused(capsys, "compare", run, other)
    (run / "score_dev.json").write_text("{}")
    assert "score_dev.json is missing or damaged" in refused(capsys, "compare", run, other, "--on", "dev")
    assert "nowhere does not exist" in refused(capsys, "sclite", runs / "nowhere")


def test_sclite_judges_a_run(sctk: None, runs: Path, capsys: Printed) -> None:
    assert main(["sclite", str(scored(runs / "run", equivalents=[["O", "OH"]]))]) == 0
    ours, theirs, differing = capsys.readouterr().out.splitlines()
    assert ours.split(maxsplit=1)[1] == theirs.split(maxsplit=1)[1] == "%WER 25.00 [ 1 / 4, 0 ins, 0 del, 1 sub ]"
    assert differing == "0 of 2 utterances differ in their counts"
