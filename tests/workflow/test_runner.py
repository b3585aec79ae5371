"""The runner: what is due, why, and what happens when a job fails."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.files import digest
from asr_prune.integrity import MANIFEST, record
from asr_prune.layout import Layout
from asr_prune.workflow.ledger import Fingerprint
from asr_prune.workflow.lock import alone
from asr_prune.workflow.runner import DamagedInput, MissingInput, Runner
from asr_prune.workflow.work import Files, Listing, Work
from tests.workflow.works import JOBS, copying, runner, states


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, and the test's jobs as a module."""
    (tmp_path / f"{JOBS}.py").write_text(Path(__file__).with_name("jobs.py").read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop(JOBS, None)


def test_what_was_interrupted_goes_on_unless_it_has_changed(project: Path) -> None:
    Path("out").write_text("fail")
    given = {"inputs": {}, "unfinished": [Path("half")]}
    work = copying(job=f"{JOBS}:note", arguments={"out": Path("out"), "done": Path("half")}, **given)
    assert not runner().state(work).begun
    with pytest.raises(UserError, match="it failed"):
        runner().run([work])
    assert runner().state(work).begun
    assert not runner().state(replace(work, arguments={**work.arguments, "more": 1})).begun
    runner().run([work])
    assert not runner().state(work).due


def test_a_work_is_done_once(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Path("in").write_text("a")
    assert states(copying()) == [(True, "not done yet")]
    runner().run([copying()])
    runner().run([copying()])
    assert caplog.messages == ["lang: copying", "lang: up to date"]
    assert states(copying()) == [(False, "")]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda: Path("in").write_text("b"), "changed: in"),
        (lambda: Path("out").write_text("b"), "out is changed"),
        (lambda: Path("out").unlink(), "out is missing"),
        (lambda: Path("more").unlink(), "more is missing"),
        (lambda: Path("in").unlink(), "in is missing"),
    ],
)
def test_what_makes_it_due_again(change: Callable[[], object], why: str) -> None:
    Path("in").write_text("a")
    arguments = {"source": Path("in"), "out": Path("out"), "extra": Path("more")}
    work = copying(arguments=arguments)
    runner().run([work])
    change()
    assert states(work) == [(True, why)]


def test_arguments_count_and_others_do_not() -> None:
    Path("in").write_text("a")
    runner().run([copying(uncounted={"word": "x"})])
    assert states(copying(uncounted={"word": "y"})) == [(False, "")]
    changed = copying(arguments={"source": Path("in"), "out": Path("out"), "word": "y"})
    assert states(changed) == [(True, "changed: settings")]


def test_files_that_are_not_there_yet_count_once_they_are(project: Path) -> None:
    Path("in").write_text("a")
    (project / "extra").mkdir()
    work = copying(optional=[Path("later"), Files(Path("extra"), ("*.txt",))])
    runner().run([work])
    assert states(work) == [(False, "")]
    Path("extra/one.txt").write_text("1")
    assert states(work) == [(True, "changed: extra/one.txt")]


def test_a_listing_counts_by_names_and_sizes(project: Path) -> None:
    Path("in").write_text("a")
    (project / "audio").mkdir()
    listing = Listing(f"{JOBS}:places", {"folder": Path("audio")})
    work = copying(optional=[listing])
    runner().run([work])
    assert states(work) == [(False, "")]
    Path("audio/new.wav").write_text("1")
    assert states(work) == [(True, f"changed: {JOBS}:places")]


def changed_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the job's module had been edited."""
    real = Runner.fingerprint

    def edited(self: Runner, work: Work) -> Fingerprint:
        found = real(self, work)
        return replace(found, code=found.code | {"asr_prune.job": "new"})

    monkeypatch.setattr(Runner, "fingerprint", edited)


def test_changed_code_makes_it_due_unless_it_is_accepted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    Path("in").write_text("a")
    runner().run([copying()])
    changed_code(monkeypatch)
    assert states(copying()) == [(True, "changed: code of asr_prune.job")]
    assert states(copying(), accept_code=True) == [(False, "changed: code of asr_prune.job")]
    caplog.clear()
    runner(accept_code=True).run([copying()])
    assert caplog.messages == ["lang: kept though code has changed (changed: code of asr_prune.job)"]
    assert states(copying()) == [(False, "")]
    assert runner().ledger(copying()).accepted() == ["lang"]


def test_accepting_code_does_not_accept_other_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("in").write_text("a")
    runner().run([copying()])
    changed_code(monkeypatch)
    Path("in").write_text("b")
    assert states(copying(), accept_code=True)[0][0]


@pytest.mark.parametrize(
    ("harm", "why"), [(lambda: Path("out").write_text("b"), "changed"), (lambda: Path("out").unlink(), "missing")]
)
def test_accepting_code_does_not_accept_harmed_outputs(
    harm: Callable[[], object], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("in").write_text("a")
    runner().run([copying()])
    changed_code(monkeypatch)
    harm()
    assert states(copying(), accept_code=True) == [(True, f"out is {why}")]
    runner(accept_code=True).run([copying()])
    assert Path("out").read_text() == "a"
    assert runner().ledger(copying()).accepted() == []


def test_the_survey_passes_on_what_is_due_and_runs_nothing(project: Path) -> None:
    Path("in").write_text("a")
    first = copying(
        out="middle", stage="corpus", outputs=[Path("middle")], arguments={"source": Path("in"), "out": Path("middle")}
    )
    second = copying("middle", "out")
    third = copying("out", "end", stage="decode", run="a", inputs={Path("out"): "lang"})
    other = copying("in", "free", stage="features", inputs={Path("in"): "elsewhere"})
    before = sorted(project.rglob("*"))
    assert states(first, second, third, other) == [
        (True, "not done yet"),
        (True, "after corpus"),
        (True, "after lang"),
        (True, "not done yet"),
    ]
    assert sorted(project.rglob("*")) == before


def test_runs_do_not_wait_for_each_other() -> None:
    Path("in").write_text("a")
    works = [
        copying(
            out=f"{run}{step}",
            stage=stage,
            run=run,
            inputs={Path("in"): maker},
            outputs=[Path(f"{run}{step}")],
            arguments={"source": Path("in"), "out": Path(f"{run}{step}")},
            home=Path(f"exp/x/runs/{run}"),
        )
        for run in "ab"
        for step, (stage, maker) in enumerate((("train", "features"), ("shrink", "train")))
    ]
    runner().run(works)
    Path("a0").unlink()
    assert [due for due, _ in states(*works)] == [True, True, False, False]


def test_a_missing_input_names_its_stage() -> None:
    with pytest.raises(MissingInput, match="in is missing; run the corpus stage, which makes it") as raised:
        runner().run([copying()])
    assert raised.value.stage == "corpus"


@pytest.mark.parametrize("changed", [False, True])
def test_a_failed_job_is_not_done_and_goes_on_if_nothing_changed(changed: bool) -> None:
    arguments = {"out": Path("out"), "done": Path("portions")}
    work = Work(
        "train", "training", f"{JOBS}:note", arguments, {}, [Path("out")], Path("exp/x"), unfinished=[Path("portions")]
    )
    Path("out").write_text("fail")
    Path("portions").mkdir()
    with pytest.raises(UserError, match="it failed"):
        runner().run([work])
    assert states(work) == [(True, "not done yet")]
    if changed:
        Path("setting").touch()
        work = replace(work, inputs={Path("setting"): "corpus"})
    runner().run([work])
    assert Path("out").read_text() == str(not changed)


def test_an_input_that_was_damaged_is_blamed_on_its_stage() -> None:
    Path("in").write_text("a")
    made = copying(
        out="middle", stage="corpus", outputs=[Path("middle")], arguments={"source": Path("in"), "out": Path("middle")}
    )
    runner().run([made])
    Path("middle").write_text("damaged")
    reading = Work(
        "lang",
        "reading",
        f"{JOBS}:refuse",
        {"source": Path("middle"), "out": Path("out")},
        {Path("middle"): "corpus"},
        [Path("out")],
        Path("exp/x"),
    )
    with pytest.raises(DamagedInput, match="middle was changed or damaged after the corpus stage wrote it"):
        runner().run([reading])


def test_what_tells_of_earlier_outputs_is_gone_before_a_work_begins() -> None:
    result = Path("exp/x/result.json")
    result.parent.mkdir(parents=True, exist_ok=True)
    result.write_text("of the network before")
    record("score", {result: digest(result)})
    fails = f"{JOBS}:nothing", {"out": Path("out")}, {}, [Path("out")], Path("exp/x")
    with pytest.raises(UserError, match="should have been written"):
        Runner(Layout("x")).run([Work("train", "doing nothing", *fails, outdates=[result])])
    assert not result.exists()
    assert not result.with_name(MANIFEST).exists()


def test_a_job_that_writes_nothing_is_caught() -> None:
    work = Work("lang", "doing nothing", f"{JOBS}:nothing", {"out": Path("out")}, {}, [Path("out")], Path("exp/x"))
    with pytest.raises(UserError, match="out should have been written by the lang stage"):
        runner().run([work])


def test_a_work_of_one_run_waits_for_that_of_another_whose_output_it_reads(project: Path) -> None:
    Path("in").write_text("a")
    dense = copying(stage="train", run="dense")
    taught = copying("out", "more", stage="train", run="taught", inputs={Path("out"): "train"}, home=Path("exp/y"))
    third = copying("in", "third", stage="train", run="third", home=Path("exp/z"))
    runner().run([dense, taught, third])
    assert [due for due, _ in states(dense, taught, third)] == [False, False, False]
    Path("in2").write_text("b")
    changed = replace(dense, optional=[Path("in2")])
    assert [due for due, _ in states(changed, taught, third)] == [True, True, False]


def test_a_run_that_another_process_has_made_meanwhile_is_not_made_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Path("in").write_text("a")
    work, held = copying(stage="train", run="one"), threading.Event()

    def make() -> None:
        with alone(work.home / ".stages"):
            held.set()
            while "waiting for another process that works on exp/x" not in caplog.text:
                time.sleep(0.05)
            runner()._do(work)

    other = threading.Thread(target=make)
    other.start()
    held.wait()
    runner().run([work])
    other.join()
    assert caplog.messages[-1] == "train one: up to date"
    assert "train one: copying" not in caplog.text
