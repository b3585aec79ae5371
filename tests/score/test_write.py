"""What a score looks like on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.score.files import score_files
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import score
from asr_prune.score.write import write_score

REFS = {"ann-1": ["OH", "ONE", "TWENTY"], "ann-2": [], "bob-1": ["THREE", "FOUR"]}
HYPS = {"ann-1": ["O", "ONE", "TO"], "ann-2": [], "bob-1": ["A", "THREE"]}
MADE = score(HYPS, REFS, {"ann-1": "ann", "ann-2": "ann", "bob-1": "bob"}, ScoreOptions(equivalents=[["O", "OH"]]))


def test_per_utterance_file_is_in_columns(tmp_path: Path) -> None:
    write_score(tmp_path / "score_test.json", MADE)
    lines = (tmp_path / "score_test.per_utt").read_text().splitlines()
    assert lines[:4] == [
        "ann-1 ref   OH  ONE  TWENTY",
        "ann-1 hyp   O   ONE    TO",
        "ann-1 op    C    C     S",
        "ann-1 #csid 2 1 0 0",
    ]
    assert lines[4:8] == ["ann-2 ref", "ann-2 hyp", "ann-2 op", "ann-2 #csid 0 0 0 0"]
    assert "***" in lines[8]
    assert lines[11] == "bob-1 #csid 1 0 1 1"


def test_json_holds_counts_interval_and_details(tmp_path: Path) -> None:
    write_score(tmp_path / "score_test.json", MADE, {"lm_weight": 9, "penalty": 0.5})
    read = json.loads((tmp_path / "score_test.json").read_text())
    assert read["wer"] == 60.0
    assert read["wer_raw"] == 80.0
    assert read["words"] == 5
    assert sum(read["errors"].values()) == 3
    assert read["low"] <= read["wer"] <= read["high"]
    assert read["speakers"]["ann"] == {"wer": pytest.approx(100 / 3), "words": 3, "sub": 1, "ins": 0, "del": 0}
    assert (read["lm_weight"], read["penalty"]) == (9, 0.5)
    assert read["cer"] == pytest.approx(100 * sum(read["errors_characters"].values()) / read["characters"])
    assert read["confusions"] == [["TWENTY", "TO", 1]]
    assert (read["normalise"], read["equivalents"]) == ([], [["O", "OH"]])
    assert sorted(tmp_path.iterdir()) == sorted(score_files(tmp_path / "score_test.json"))


def test_what_is_no_number_is_not_written_as_one(tmp_path: Path) -> None:
    """JSON has no NaN, and many readers refuse it."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_score(tmp_path / "score_test.json", MADE, {"seconds": float("nan")})
    assert not (tmp_path / "score_test.json").exists()


def test_trn_files_hold_the_words_as_they_are_counted(tmp_path: Path) -> None:
    write_score(tmp_path / "score_test.json", MADE)
    assert (tmp_path / "score_test.ref.trn").read_text() == "O ONE TWENTY (ann-1)\n(ann-2)\nTHREE FOUR (bob-1)\n"
    assert (tmp_path / "score_test.hyp.trn").read_text() == "O ONE TO (ann-1)\n(ann-2)\nA THREE (bob-1)\n"


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "score_test.json").mkdir()
    with pytest.raises(UserError, match="cannot write"):
        write_score(tmp_path / "score_test.json", MADE)
