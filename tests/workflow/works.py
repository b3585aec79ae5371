"""Works of a toy project, and what the runner says of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from asr_prune.layout import Layout
from asr_prune.workflow.runner import Runner
from asr_prune.workflow.work import Work

JOBS = "runner_test_jobs"


def copying(source: str = "in", out: str = "out", **changes: Any) -> Work:
    work = Work(
        stage="lang",
        says="copying",
        job=f"{JOBS}:copy",
        arguments={"source": Path(source), "out": Path(out)},
        inputs={Path(source): "corpus"},
        outputs=[Path(out)],
        home=Path("exp/x"),
    )
    return replace(work, **changes)


def runner(accept_code: bool = False) -> Runner:
    return Runner(Layout("x"), accept_code)


def states(*works: Work, accept_code: bool = False) -> list[tuple[bool, str]]:
    return [(state.due, state.why) for state in runner(accept_code).survey(works)]
