"""Tables of speakers and utterances, and reading the latter back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.score.align import align_words
from asr_prune.score.table import UTTERANCE_COLUMNS, pairs_of_ops, per_speaker, per_utterance_table, read_utterances
from asr_prune.score.wer import Utterance

from .conftest import Made

sentences = st.lists(st.sampled_from(["A", "B", '"', "Ü"]), max_size=6)


def utterance(name: str, ref: list[str], hyp: list[str]) -> Utterance:
    return Utterance(name, name.split("-")[0], align_words([ref], [hyp])[0])


TWO = [utterance("ann-1", ["ONE", "TWO"], ["ONE", "TO", "A"]), utterance("bob-1", [], ["UH"])]


def test_speakers_are_laid_out_as_kaldis() -> None:
    """The numbers of the example in Kaldi's wer_per_spk_details.pl."""
    output = per_speaker([utterance("A-1", ["A", "B", "C", "D", "E"], ["A", "A", "B", "D", "X"])])
    shown = [" ".join(line.split()) for line in output.splitlines()]
    assert shown[0] == "SPEAKER id #SENT #WORD Corr Sub Ins Del Err S.Err"
    assert shown[1::2] == ["A raw 1 5 3 1 1 1 3 1", "SUM raw 1 5 3 1 1 1 3 1"]
    numbers = "1 5 60.00 20.00 20.00 20.00 60.00 100.00"
    assert shown[2::2] == [f"A sys {numbers}", f"SUM sys {numbers}"]
    assert (
        output.splitlines()[1] == f"A               raw {1:10d} {5:10d} {3:10d} {1:10d} {1:10d} {1:10d} {3:10d} {1:10d}"
    )


def test_a_speaker_without_words_has_no_per_cent() -> None:
    rows = [line.split()[:2] for line in per_speaker(TWO).splitlines()[1:]]
    assert rows == [["ann", "raw"], ["ann", "sys"], ["bob", "raw"], ["SUM", "raw"], ["SUM", "sys"]]


def test_a_row_per_utterance() -> None:
    head, first, second = per_utterance_table(TWO).splitlines()
    assert tuple(head.split("\t")) == UTTERANCE_COLUMNS
    assert first.split("\t") == [
        "ann-1",
        "ann",
        "2",
        "1",
        "1",
        "1",
        "0",
        "100.00",
        first.split("\t")[8],
        "ONE TWO",
        "ONE TO A",
    ]
    assert second.split("\t") == ["bob-1", "bob", "0", "0", "0", "1", "0", "", "I", "", "UH"]


@given(st.lists(st.tuples(sentences, sentences), max_size=5))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[list[str], list[str]]]
) -> None:
    path = tmp_path_factory.mktemp("table") / "score_test.utts.tsv"
    output = [utterance(f"ann-{i}", *pair) for i, pair in enumerate(pairs)]
    path.write_text(per_utterance_table(output), encoding="utf-8")
    assert read_utterances(path) == output


def test_a_whole_score_is_read(recognised: Made, tmp_path: Path) -> None:
    output = recognised.score(recognised.first).utterances
    (tmp_path / "utts.tsv").write_text(per_utterance_table(output))
    assert read_utterances(tmp_path / "utts.tsv") == output


@pytest.mark.parametrize(("ops", "ref", "hyp"), [("CC", ["A"], ["A"]), ("C", ["A", "B"], ["A"]), ("X", ["A"], ["A"])])
def test_ops_must_use_up_the_words(ops: str, ref: list[str], hyp: list[str]) -> None:
    with pytest.raises(ValueError, match="does not align"):
        pairs_of_ops(ops, ref, hyp)


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda text: text.replace("utterance\t", "utt\t"), "does not name the columns"),
        (lambda text: text.replace("\tI\t", "\tII\t"), "does not align"),
        (lambda text: text[:-6], "the row of 'bob-1' has"),
        (lambda text: "", "damaged"),
    ],
)
def test_a_damaged_table_is_one_sentence(harm: object, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "score_test.utts.tsv"
    path.write_text(harm(per_utterance_table(TWO)))  # type: ignore[operator]
    with pytest.raises(UserError, match=sentence):
        read_utterances(path)


def test_a_missing_table_names_its_stage(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="tsv is missing; run the stage score"):
        read_utterances(tmp_path / "score_test.utts.tsv")


def test_a_missing_table_of_noise_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"run the recipe with --set 'noise.snr=\[-2.5\]'"):
        read_utterances(tmp_path / "score_test_-2.5db.utts.tsv")


def test_a_run_that_does_not_exist_is_not_to_be_scored(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere does not exist; give the folder of a run"):
        read_utterances(tmp_path / "nowhere/score_test.utts.tsv")
