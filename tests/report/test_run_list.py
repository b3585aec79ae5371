"""list and show: what they say of finished, unfinished and damaged runs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from asr_prune.cli.main import main
from asr_prune.integrity import record
from asr_prune.report.results import Result
from asr_prune.report.run_card import run_card
from asr_prune.run_dir import RunDir, decode_info

ROW: dict[str, Any] = {"method": "none", "nodes": 100, "params": 2000, "wer_test": 5.0, "command": "asr-prune run"}


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def finished(name: str, **row: Any) -> RunDir:
    run = RunDir(Path("exp/tiny/runs") / name)
    write(run.result, json.dumps(Result.from_dict(ROW | {"run": name} | row).to_dict()))
    return run


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def unfinished(name: str, epochs: int) -> RunDir:
    run = RunDir(Path("exp/tiny/runs") / name)
    write(run.recipe, "train: {epochs: 8}\n")
    lines = [
        json.dumps({"epoch": i, "train_ce": 2.0, "dev_ce": 1.5, "nodes": 40, "seconds": 3.2}) for i in range(epochs)
    ]
    write(run.metrics, "".join(f"{line}\n" for line in lines))
    return run


def failed(name: str, ended: float, part: str = "") -> None:
    """A sweep says so of a run that it made for ten seconds, till `ended`."""
    own = {"state": "failed", "cause": "no memory", "began": ended - 10, "seconds": 10.0, "part": part}
    write(Path("exp/tiny/sweeps/a.json"), json.dumps({"runs": {name: own}}))


def said_of(name: str, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["list", *words]) == 0
    return next(line for line in capsys.readouterr().out.splitlines() if line.startswith(f"{name} ")).split(None, 1)[1]


def test_a_run_that_went_on_after_its_sweep_has_not_failed(capsys: pytest.CaptureFixture[str]) -> None:
    run = unfinished("half", 3)
    failed("half", time.time())
    assert said_of("half", capsys) == "failed: no memory"
    failed("half", time.time() - 60)
    assert said_of("half", capsys) == "training: 3 of 8 epochs"
    write(run.train, "{}")
    write(run.shrunk)
    write(run.vosk, "{}")
    assert said_of("half", capsys).startswith("finished: ")
    write(run.result, "{")
    assert said_of("half", capsys).startswith("result.json is damaged")


def test_a_sweep_of_folds_says_nothing_of_runs_without(capsys: pytest.CaptureFixture[str]) -> None:
    unfinished("half", 3)
    write(Path("exp/tiny/folds-3/1/runs/half/log"))
    failed("half", time.time(), "folds-3/pooled")
    assert said_of("half", capsys, "exp/tiny") == "training: 3 of 8 epochs"
    assert said_of("half", capsys, "exp/tiny/folds-3/1") == "failed: no memory"


def test_experiments_without_such_a_run_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    finished("dense")
    run = RunDir(Path("exp/other/runs/half"))
    write(run.result, json.dumps(Result.from_dict(ROW | {"run": "half"}).to_dict()))
    for folders in ([], ["exp/tiny", "exp/other"]):
        assert main(["list", *folders, "--only", "ha", "--sort", "wer"]) == 0
        found = capsys.readouterr().out
        assert "exp/other: 1 run, 1 finished" in found
        assert "exp/tiny" not in found
        assert main(["list", *folders, "--only", "nothing"]) == 1
        assert "none of the 2 experiments has a run whose name contains 'nothing'; " in capsys.readouterr().err


def test_the_list_has_every_run(capsys: pytest.CaptureFixture[str]) -> None:
    finished("dense")
    finished("small", method="l2", nodes=10, wer_test=9.0)
    unfinished("training", 3)
    write(unfinished("trained", 8).train, "{}")
    write(unfinished("shrunk", 8).shrunk)
    write(decode_info(unfinished("decoded", 8).decoded("test")), "{}")
    write(RunDir(Path("exp/tiny/runs/new")).path / "log")
    write(RunDir(Path("exp/tiny/runs/damaged")).result, "{")
    changed = finished("changed")
    record("score", {changed.result: "0" * 64})
    failed("new", time.time())
    assert main(["list"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "exp/tiny: 9 runs, 2 finished"
    assert [line.split()[0] for line in lines[3:5]] == ["dense", "small"]
    said = dict(line.split(None, 1) for line in lines[-7:])
    assert said.pop("damaged").startswith("result.json is damaged")
    assert "changed/result.json is damaged: its bytes differ" in said.pop("changed")
    assert said == {
        "decoded": "decoded, not scored",
        "new": "failed: no memory",
        "shrunk": "trained and shrunk, not decoded",
        "trained": "trained, not shrunk",
        "training": "training: 3 of 8 epochs",
    }


def test_it_can_be_sorted_and_cut(capsys: pytest.CaptureFixture[str]) -> None:
    for name, wer, nodes in (("a-x", 9.0, 5), ("b-y", 4.0, 50), ("c-x", 5.0, 9), ("d-x", None, 1)):
        finished(name, wer_test=wer, nodes=nodes)
    for given, names in (
        (["--sort", "wer"], "b-y c-x a-x d-x"),
        (["--sort", "nodes", "--only", "x"], "d a c"),
        (["exp/tiny", "--only", "b-"], "b-y"),
    ):
        assert main(["list", *given]) == 0
        lines = capsys.readouterr().out.splitlines()[4:]
        assert [line.split()[0] for line in lines[: len(names.split())]] == names.split()


def test_what_folds_have_given_together_is_listed_too(capsys: pytest.CaptureFixture[str]) -> None:
    row = json.dumps(Result.from_dict(ROW | {"run": "dense"}).to_dict())
    for part in ("", "folds-3/1/", "folds-3/pooled/"):
        write(Path(f"exp/tiny/{part}runs/dense/result.json"), row)
    assert main(["list"]) == 0
    found = [line for line in capsys.readouterr().out.splitlines() if line.startswith("exp/")]
    assert found == [f"exp/tiny{part}: 1 run, 1 finished" for part in ("/folds-3/pooled", "")]
    assert main(["list", "exp/tiny/folds-3/1"]) == 0
    assert capsys.readouterr().out.startswith("exp/tiny/folds-3/1: ")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["list"], "there are no runs in exp/"),
        (["list", "exp/none"], "exp/none is not the folder of an experiment with runs"),
        (["show", "exp/tiny/runs/none"], "does not exist; `asr-prune list` lists"),
        (["show", "tiny"], "tiny is not the folder of a run"),
    ],
)
def test_what_is_not_there_is_said(given: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(given) == 1
    assert said in capsys.readouterr().err


def test_no_run_of_that_name_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    finished("dense")
    assert main(["list", "--only", "l1"]) == 1
    assert "no run whose name contains 'l1'" in capsys.readouterr().err


def test_a_card_has_the_words_of_the_table_and_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("exp/tiny/front_end.json"), '{"features": 0.002, "adaptation": null}')
    facts = {"rtf_decode": 0.0125, "am_forward_seconds_per_hour": 1.8}
    facts |= {"teachers": ["dense"], "errors_test": {"sub": 4}, "cut_at_update": 97 / 3, "updates": 65.0}
    run = finished("small", method="l2", keep_asked=0.25, seed=3, **facts)
    layers = [{"nodes": 20, "kept": [1, 2, 5]}, {"nodes": 20, "kept": [0]}]
    write(run.nodes, json.dumps({"layers": layers}))
    write(run.metrics, '{"epoch": 1, "train_ce": 2.0, "dev_ce": 1.25, "nodes": 40, "seconds": 3.2, "phase": "cut"}\n')
    write(run.score("test").with_suffix(".per_spk"), "SPEAKER id Err\neve raw 4\neve sys 40.0\n")
    assert main(["show", str(run.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    figures = dict(line.split("  ", 1) for line in lines[: lines.index("")])
    figures = {name: value.strip() for name, value in figures.items()}
    assert {
        "method": "l2 +T",
        "target": "0.25",
        "WER test [95 % interval]": "5.00",
        "seed": "3",
        "ms per second of speech": "2.00 front end, 0.50 network, 12.50 search, 15.00 all",
        "cut at update": "32 of 65",  # of all folds together, means
    }.items() <= figures.items()
    assert "    1     20     3" in lines
    assert any(line.split() == ["1", "2.000", "1.250", "40", "3", "cut"] for line in lines)
    assert "eve sys 40.0" in lines
    assert "eve raw 4" not in lines
    assert lines[-1] == "command: asr-prune run"


def test_a_card_of_an_old_or_unfinished_run_shows_what_there_is() -> None:
    old = RunDir(Path("exp/tiny/runs/old"))
    write(old.result, '{"run": "old", "method": "gone"}')
    assert "method                    gone" in run_card(old)
    assert run_card(unfinished("training", 2)).splitlines()[0] == "training: training: 2 of 8 epochs"
    assert len(run_card(RunDir(Path("exp/tiny/runs/training"))).splitlines()) == 4
