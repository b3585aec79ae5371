"""The command line on a corpus of tones."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asr_prune.cli.main import main, parser
from asr_prune.stages import STAGES
from asr_prune.workflow.code import Sources
from tests.cli.tones import GIVEN, Said, told

pytestmark = pytest.mark.trains


def test_up_to_date_says_so_and_the_report_prints_its_table_again(project: Path, capsys: Said) -> None:
    for verb in STAGES:
        capsys.readouterr()
        assert main([verb, *GIVEN]) == 0
        assert "up to date" in capsys.readouterr().out
    main(["report", *GIVEN])
    assert "dense" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        (["score.bootstrap=50"], ["score"]),
        (["decode.beam=14"], ["decode"]),
        # the graph stage times the front end
        (["features.network.bins=20"], ["features", "graph", "train", "shrink", "decode"]),
    ],
)
def test_a_change_redoes_what_depends_on_it(project: Path, capsys: Said, change: list[str], redone: list[str]) -> None:
    sets = [word for text in change for word in ("--set", text)]
    found = []
    for verb in list(STAGES)[:-2] + (["score"] if redone == ["score"] else []):
        capsys.readouterr()
        assert main([verb, *GIVEN, *sets]) == 0
        lines = capsys.readouterr().out.splitlines()
        found += [verb] if any(line.startswith(f"{verb}") and "up to date" not in line for line in lines) else []
    assert found == redone


def test_more_epochs_are_a_run_beside_the_first(project: Path) -> None:
    assert main(["train", *GIVEN, "--set", "train.epochs=1"]) == 0
    assert sorted(path.name for path in (project / "exp/tiny/runs").iterdir()) == ["dense", "dense-epochs-1"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["tain"], "invalid choice: 'tain'"),
        (["train", "--nj", "0"], "must be a whole number of 1 or more, not '0'"),
        (["train", "--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_a_wrong_command_is_one_sentence(capsys: Said, command: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_every_verb_shows_an_example(capsys: Said) -> None:
    assert main([]) == 2
    assert "example:" in capsys.readouterr().err
    scored = ("compare", "sclite", "bench", "nbest")
    for verb in [*STAGES, "check", "plan", "ladder", "verify", "widths", "validate", "fix", "lm", *scored]:
        with pytest.raises(SystemExit):
            parser().parse_args([verb, "--help"])
        said = capsys.readouterr().out
        assert f"example: asr-prune {verb}" in said
        assert "%%" not in said


def test_starting_needs_neither_torch_nor_kaldi(project: Path) -> None:
    code = (
        "import sys; from asr_prune.cli.main import main; main(sys.argv[1:]); print(sorted({*sys.modules} & {*HEAVY}))"
    )
    heavy = "HEAVY = 'torch kaldi_hmm_gmm kaldifst numba kaldilm matplotlib scipy.stats scipy.special'.split(); "
    for verb in ("corpus", "lang", "features", "align", "graph", "report"):
        command = [sys.executable, "-c", heavy + code, verb, *GIVEN]
        out = subprocess.run(command, capture_output=True, text=True, check=True)
        assert out.stdout.splitlines()[-1] == "[]", verb


def test_the_demos_script_does_not_load_what_resamples() -> None:
    code = "import sys, asr_prune.local.demo; print(sorted({*sys.modules} & {'scipy.signal', 'scipy.stats'}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n"


def test_stages_without_a_network_do_not_load_torch() -> None:
    jobs = (
        *("corpus.prepare", "lang.make", "features.make", "hmm.train_pass", "decode.make_graph"),
        *("decode.front_end_time", "report.score_run", "report.make_report"),
    )
    for job in jobs:
        code = f"import sys, asr_prune.{job}; print(sorted({{*sys.modules}} & {{'torch', 'scipy.stats'}}))"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert out.stdout.splitlines() == ["[]"], job


def test_a_trace_never_reaches_the_terminal(project: Path, capsys: Said) -> None:
    (project / "data/tiny/local/lexicon.txt").unlink()
    (project / "data/tiny/local/lexicon.txt").mkdir()
    status, said = told(capsys, "lang", *GIVEN)
    assert status == 1
    assert "Traceback" not in said


def test_a_runs_trail_is_told(project: Path, capsys: Said) -> None:
    capsys.readouterr()
    assert main(["explain", "exp/tiny/runs/dense", "--layer", "1", "--node", "31"]) == 0
    assert "layer 1, node 31: it was kept" in capsys.readouterr().out


def test_changed_code_is_accepted_on_request_and_the_results_say_so(
    project: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sources, "libraries", lambda self, sources: {"numpy": "another version"})
    capsys.readouterr()
    assert main(["plan", "recipes/tiny"]) == 0
    assert re.search(r"changed: version of \S+, \S+ and \d more", capsys.readouterr().out)
    assert main(["decode", *GIVEN, "--accept-code"]) == 0
    assert "decode dense: kept though code has changed (changed: version of" in capsys.readouterr().out
    assert main(["decode", *GIVEN]) == 0
    assert "decode dense: up to date" in capsys.readouterr().out
    assert main(["score", *GIVEN]) == 0
    result = json.loads((project / "exp/tiny/runs/dense/result.json").read_text())
    assert result["code_accepted"] == ["decode"]


def test_a_network_to_start_from_counts_by_its_content(project: Path, capsys: Said) -> None:
    given = ["train", *GIVEN, "--set"]
    assert main([*given, "train.init=exp/tiny/runs/dense", "--set", "train.epochs=1"]) == 0
    assert (project / "exp/tiny/runs/dense-epochs-1-init-exp_tiny_runs_dense/model/network.pt").is_file()
    (project / "other").mkdir()
    shutil.copy(project / "exp/tiny/runs/dense/model/before_cut.pt", project / "other/start.pt")
    assert main([*given, "train.init=other/start.pt"]) == 0
    shutil.copy(project / "exp/tiny/runs/dense-epochs-1-init-exp_tiny_runs_dense/model/network.pt", "other/start.pt")
    capsys.readouterr()
    assert main([*given, "train.init=other/start.pt"]) == 0
    assert "training, run 1 of 1" in capsys.readouterr().out
    status, said = told(capsys, *given, "train.init=nowhere")
    assert status == 1
    assert "train.init: nowhere is not there; give a trained run's folder" in said
