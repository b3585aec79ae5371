"""A test set without transcripts, from the corpus to the report and the commands on runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.stages import STAGES

pytestmark = pytest.mark.trains

# cut late enough that there are words to change
RUNS = "runs=[{name: one, prune: {method: none}}, {name: two, prune: {method: magnitude, keep: 0.5, fine_tune: 0.5}}]"
GIVEN = ["--recipe", "recipes/tiny", "--set", "corpus.prepare=silent.py", "--set", RUNS, "--nj", "1"]
SILENT = """
import importlib.util
from pathlib import Path

def prepare(root, out, seed):
    spec = importlib.util.spec_from_file_location("tiny", "TINY")
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    tiny.prepare(root, out, seed)
    (out / "test/text").unlink()
    (out / "local/lm.arpa").unlink()
"""


def test_everything_runs_and_the_report_compares_with_the_dense_network(
    tones: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = Path(__file__).with_name("tiny.py")
    Path("silent.py").write_text(SILENT.replace("TINY", str(tiny)))
    for stage in STAGES:
        assert main([stage, *GIVEN]) == 0, stage
    said = capsys.readouterr().out
    assert "test has no transcripts: it is decoded and compared with the dense network, not scored" in said
    assert "utterances without words" not in said
    assert "edits from" in said
    report = json.loads(Path("exp/tiny/report/results.json").read_text())
    dense, half = sorted(report, key=lambda row: -row["nodes"])
    assert half["agreement_test"]["run"] == dense["run"] == "one"
    assert dense["wer_test"] is half["wer_test"] is None
    assert dense["wer_dev"] is not None
    verified = {run: json.loads(Path(f"exp/tiny/runs/{run}/verify.json").read_text()) for run in ("one", "two")}
    assert verified["one"]["cut"] is None  # nothing was cut
    assert verified["two"]["cut"]["words_dev"] > 0
    for command in (["compare", "exp/tiny/runs/one", "exp/tiny/runs/two"], ["sclite", "exp/tiny/runs/one"]):
        assert main(command) == 1
        assert "because the set has no transcripts; give --on dev, or transcripts" in capsys.readouterr().err
    assert main(["ladder", *GIVEN]) == 0
    assert main(["ctm", "exp/tiny/runs/one", "--recipe", "recipes/tiny", "--set", "corpus.prepare=silent.py"]) == 0
