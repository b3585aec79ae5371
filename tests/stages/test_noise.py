"""A recipe with noise, from the corpus to the report, and what a second look at it costs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.errors import UserError
from asr_prune.stages import STAGES, all_works
from asr_prune.workflow.experiment import open_experiment

pytestmark = pytest.mark.trains

Printed = pytest.CaptureFixture[str]


def run(recipe: Path, *sets: str) -> None:
    words = [word for text in sets for word in ("--set", text)]
    assert [main([stage, "--recipe", str(recipe), "--nj", "1", *words]) for stage in STAGES] == [0] * len(STAGES)


def test_all_runs_are_scored_with_noise_too(tones: Path, capsys: Printed) -> None:
    exp, table = Path("exp/tiny"), Path("exp/tiny/report/table.txt")
    run(tones)
    clean, before = json.loads((exp / "runs/one/result.json").read_text()), table.read_text()
    assert "Harder tests" not in before
    assert "What a user waits for" in before
    capsys.readouterr()
    run(tones, "noise.snr=[10, 0.5]")
    log, text = capsys.readouterr().out, table.read_text()
    assert "training" not in log  # nothing but what the noise needs is done
    assert log.count("scoring with noise") == 2
    assert json.loads((exp / "runs/one/result.json").read_text()) == clean
    for name in ("one", "two"):
        chosen = json.loads((exp / f"runs/{name}/score_test.json").read_text())["lm_weight"]
        for part in ("test_10db", "test_0.5db"):
            score = json.loads((exp / f"runs/{name}/score_{part}.json").read_text())
            assert (score["words"], score["lm_weight"]) == (clean["words_test"], chosen)
    rows = json.loads((exp / "report/results.json").read_text())
    assert {key for row in rows for key in row["noise_test"]} == {
        f"test_{snr}db_{figure}" for snr in ("10", "0.5") for figure in ("wer", "low", "high", "worst")
    }
    assert re.search("Harder tests.*\nrun +test +worst +test_10db +worst +test_0.5db +worst\n", text)
    folders = [str(exp / "runs" / name) for name in ("one", "two")]
    assert main(["compare", *folders, "--on", "test_0.5db"]) == 0
    assert main(["compare", *folders, "--json", "--on", "test_10db"]) == 0


def test_noise_needs_audio(tones: Path) -> None:
    sets = [
        "noise.snr=[5]",
        "features.hmm.archives=theirs",
        "features.network={type: fbank, archives: theirs}",
    ]
    with pytest.raises(UserError, match="finished features cannot have; set noise"):
        all_works(open_experiment(str(tones), sets, 1))


def test_folds_have_no_test_set_to_add_noise_to(tones: Path) -> None:
    with pytest.raises(UserError, match=r"has no test set to add noise to; set noise.snr=, or corpus.folds to 0"):
        all_works(open_experiment(str(tones), ["noise.snr=[5]", "corpus.folds=3"], 1))


@pytest.mark.parametrize("name", ["train", "test_db", "test10db", "test_10"])
def test_sets_that_are_not_scored_are_refused(name: str, capsys: Printed) -> None:
    with pytest.raises(SystemExit):
        main(["compare", "exp/x", "--on", name])
    assert "must be test, dev or a set with noise such as test_10db" in capsys.readouterr().err
