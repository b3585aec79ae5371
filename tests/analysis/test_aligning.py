"""What alignment takes is measured on real graphs, and grows with the transcripts."""

from __future__ import annotations

from typing import Any

import pytest

from asr_prune.analysis import speeds
from asr_prune.analysis.aligning import AligningSpeed, aligning_speed


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speeds, "PATIENCE", 0.1)


def test_everything_that_a_pass_does_besides_takes_time(toy: Any) -> None:
    found = aligning_speed(toy.lang, toy.text, 300)
    assert found is not None
    assert 0 < found.load < 30
    assert 0 < found.compile < 1
    assert 1e-8 < found.search < 1e-3
    assert 1e-9 < found.write < 1e-3
    longer = aligning_speed(toy.lang, {"utt": toy.text["utt00"] * 40}, 3000)
    assert longer is not None
    assert longer.compile > 2 * found.compile


def test_words_without_pronunciation_are_not_measured(toy: Any) -> None:
    assert aligning_speed(toy.lang, {}, 300) is None


def test_what_is_besides_is_a_sum() -> None:
    assert AligningSpeed(3.0, 0.5, 9.0, 0.25).besides(4, 8) == 3 + 2 + 2
    assert AligningSpeed(3.0, 0.5, 9.0, 0.25).besides(4, 8, processes=2) == 3 + 1 + 2
