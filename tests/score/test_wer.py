"""Scores of whole sets."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.score.align import ErrorCounts
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import kaldi_line, score

REFS = {"ann-1": ["OH", "ONE", "TWO"], "ann-2": [], "bob-1": ["THREE", "FOUR"]}
HYPS = {"ann-1": ["O", "ONE", "TO"], "ann-2": ["UH"], "bob-1": ["FOUR"]}
UTT2SPK = {"ann-1": "ann", "ann-2": "ann", "bob-1": "bob"}
OPTIONS = ScoreOptions(equivalents=[["O", "OH"]], bootstrap=200)


def test_merged_and_raw() -> None:
    output = score(HYPS, REFS, UTT2SPK, OPTIONS)
    assert output.counts == ErrorCounts(5, 1, 1, 1)
    assert output.counts_raw == ErrorCounts(5, 2, 1, 1)
    assert (output.wer, output.wer_raw, output.words, output.wrong_utterances) == (60.0, 80.0, 5, 3)
    assert output.kaldi_line == "%WER 60.00 [ 3 / 5, 1 ins, 1 del, 1 sub ]"
    assert output.speakers == {"ann": ErrorCounts(3, 1, 1, 0), "bob": ErrorCounts(2, 0, 0, 1)}
    assert output.characters == ErrorCounts(19, 0, 2, 7)
    assert output.cer == pytest.approx(900 / 19)
    assert output.low == 50.0
    assert output.high == pytest.approx(200 / 3)


def test_alignment_shows_unmerged_words() -> None:
    first = score(HYPS, REFS, UTT2SPK, OPTIONS).utterances[0]
    assert [(pair.op, pair.ref, pair.hyp) for pair in first.pairs] == [
        ("C", "OH", "O"),
        ("C", "ONE", "ONE"),
        ("S", "TWO", "TO"),
    ]


def test_kaldi_line_reads_as_kaldis() -> None:
    assert kaldi_line(ErrorCounts(773, 64, 10, 20)) == "%WER 12.16 [ 94 / 773, 10 ins, 20 del, 64 sub ]"


def test_missing_and_unknown_hypotheses_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        output = score({"ann-1": REFS["ann-1"], "eve-1": ["X"]}, REFS, UTT2SPK, OPTIONS)
    assert output.counts == ErrorCounts(5, 0, 0, 2)
    assert output.missing == ["ann-2", "bob-1"]
    assert output.unknown == ["eve-1"]
    assert "2 of 3 utterances have no hypothesis" in caplog.text
    assert "1 hypotheses have no reference" in caplog.text


@pytest.mark.parametrize(
    ("refs", "utt2spk", "sentence"),
    [
        ({}, {}, "no references"),
        ({"a": []}, {"a": "a"}, "have no words"),
        ({"a": ["X"]}, {}, "utterance a .1 in all. has no speaker"),
    ],
)
def test_nothing_to_score(refs: dict, utt2spk: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        score({}, refs, utt2spk, OPTIONS)


def test_one_speaker_has_no_interval() -> None:
    output = score({}, {"a": ["X"]}, {"a": "a"}, OPTIONS)
    assert (output.wer, output.low, output.high) == (100.0, None, None)


@given(
    st.dictionaries(
        st.text("ab", min_size=1, max_size=3), st.lists(st.sampled_from("XYZ"), min_size=1, max_size=5), min_size=1
    )
)
def test_saying_what_was_meant_scores_zero(refs: dict[str, list[str]]) -> None:
    output = score(refs, refs, {name: name[0] for name in refs}, OPTIONS)
    assert output.wer == output.wer_raw == output.wrong_utterances == 0.0
    assert output.low in (0.0, None)


@pytest.mark.parametrize(("hyp", "said"), [("", True), ("x", False)])
def test_a_set_of_which_no_word_was_recognised_is_remarked_upon(
    hyp: str, said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    score({"a-1": hyp.split()}, {"a-1": ["one", "two"]}, {"a-1": "a"}, ScoreOptions(bootstrap=0))
    assert ("2 of 2 words are deleted: check that network, labels and graph belong" in caplog.text) is said
