"""Progress without a terminal: a line each minute and at the end, none for quick work."""

from __future__ import annotations

import time

import pytest

from asr_prune import progress
from asr_prune.progress import track


def test_a_line_each_minute(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_MINUTE", 0.1)
    for item in track(range(10), 10, "letters"):
        time.sleep(0.15 if item in (3, 6) else 0)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" in ")[0] for line in lines[:2]] == ["  letters: 4 of 10", "  letters: 7 of 10"]


def test_quick_work_and_work_with_a_status_print_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track([1, 2], 2, "quick")) == [1, 2]
    assert list(track([1, 2], 2, "loss", lambda: "0.5")) == [1, 2]
    assert capsys.readouterr().err == ""
