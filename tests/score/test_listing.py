"""Errors in their sentences, and confusion pairs."""

from __future__ import annotations

from asr_prune.score.align import Pair
from asr_prune.score.listing import confusions, error_listing, marked
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import score

REFS = {"ann-1": ["OH", "B", "C"], "ann-2": ["B", "D"], "bob-1": ["E"], "bob-2": ["B"]}
HYPS = {"ann-1": ["O", "V", "C"], "ann-2": ["V"], "bob-1": ["E", "X"], "bob-2": ["P"]}
SPEAKERS = {name: name[:3] for name in REFS}
MADE = score(HYPS, REFS, SPEAKERS, ScoreOptions(equivalents=[["O", "OH"]]))


def test_neighbouring_errors_are_one_bracket() -> None:
    ops = [("C", "A", "A"), ("S", "B", "V"), ("D", "C", None), ("C", "D", "D"), ("I", None, "E"), ("D", "F", None)]
    assert marked([Pair(*op) for op in ops]) == "A (B C->V) D (F->E)"
    assert marked([Pair("I", None, "E")]) == "(*->E)"
    assert marked([Pair("D", "E", None)]) == "(E->*)"
    assert marked([]) == ""


def test_pairs_by_how_often() -> None:
    assert confusions(MADE.utterances) == [("B", "V", 2), ("B", "P", 1)]


def test_the_listing_holds_every_error_once() -> None:
    lines = error_listing(MADE).splitlines()
    assert lines[0] == "%WER 71.43 [ 5 / 7, 1 ins, 1 del, 3 sub ]"
    assert "ann-1:\tOH (B->V) C" in lines
    assert "ann-2:\t(B D->V)" in lines
    assert "bob-1:\tE (*->X)" in lines
    where = lines.index("SUBSTITUTIONS: count ref -> hyp")
    assert lines[where + 1 : where + 3] == ["2   B -> V", "1   B -> P"]
    assert lines[lines.index("DELETIONS: count ref") + 1] == "1   D"
    assert lines[lines.index("INSERTIONS: count hyp") + 1] == "1   X"
    words = lines[lines.index("PER-WORD STATS: word  corr tot_errs count_in_ref count_in_hyp") + 1 :]
    assert words[0] == "B   0 3 3 0"
    assert "V   0 2 0 2" in words
    assert "OH   1 0 1 0" in words
    assert "O   0 0 0 1" in words


def test_a_score_without_errors_lists_none() -> None:
    output = score(REFS, REFS, SPEAKERS, ScoreOptions())
    assert "->" not in error_listing(output).replace("(ref->hyp)", "").replace("ref -> hyp", "")
