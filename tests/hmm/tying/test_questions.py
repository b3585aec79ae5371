from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr_prune.hmm.tying.questions import Questions, extra_questions, phone_questions
from asr_prune.hmm.tying.stats import TreeStats
from asr_prune.lang.lang import Lang
from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang


def test_similar_phones_share_a_question(caplog: pytest.LogCaptureFixture) -> None:
    """Phones 1 and 2 sound alike in the middle state, 3 and 4 share a set, 5 never occurs."""
    place = {1: 0.0, 2: 1.0, 3: 40.0, 4: 60.0}
    windows = np.array([[0, phone, 0] for phone in place] * 2, np.int32)
    x = np.array([*place.values(), 70.0, 0.0, 0.0, 90.0])  # the last four are those of another pdf class
    moments = np.stack([np.full(8, 50.0), 50 * x, 50 * (1 + x**2)], axis=1)
    stats = TreeStats(np.repeat([1, 0], 4).astype(np.int32), windows, moments, 1)
    sets = [[1], [2], [3, 4], [5]]
    found = phone_questions(stats, sets)
    unique = Questions.of(found, 3).phones
    assert [question for question in sets if question in unique] == [[1], [2], [3, 4], [5]]
    assert [1, 2] in unique or [1, 2, 5] in unique
    assert not any(3 in question and 4 not in question for question in unique)
    assert phone_questions(stats, sets) == found
    assert "1 of 4 groups of phones never occur" in caplog.text


def test_compiled() -> None:
    questions = Questions.of([[3, 1], [2], [1, 3], []], 4)
    assert questions.phones == [[1, 3], [2]]
    assert questions.classes == [[0], [0, 1], [0, 1, 2]]
    assert (questions.at(-1), questions.at(0), questions.at(2)) == (questions.classes, *[questions.phones] * 2)


@pytest.mark.parametrize("positions", [False, True])
def test_places_in_the_word(tmp_path: Path, positions: bool) -> None:
    (tmp_path / "lexicon.txt").write_text("ALL AA EH\n")
    options = LangOptions(silence_phones=("SIL", "NSN"), position_dependent=positions)
    prepare_lang(tmp_path / "lexicon.txt", tmp_path / "lang", options)
    lang = Lang.read(tmp_path / "lang")
    found = {" ".join(name for name, i in lang.phones.items() if i in question) for question in extra_questions(lang)}
    expected = {f"AA{p} EH{p}" for p in ("_B", "_E", "_I", "_S")}
    expected |= {f"SIL{p} NSN{p}" for p in ("", "_B", "_E", "_I", "_S")}
    assert found == (expected if positions else set())


def test_every_set_is_a_question(walk: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    questions = walk.questions.phones
    for group in walk.lang.shared:
        assert sorted(group) in questions
    assert "1 of 8 groups" in caplog.text
