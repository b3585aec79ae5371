"""jiwer's counts against a slow Levenshtein distance written from its recurrence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asr_prune.score.align import ErrorCounts, align_words, count_characters, count_errors, distance

sentences = st.lists(st.sampled_from("abcd"), max_size=8)


def slow_distance(ref: list[str], hyp: list[str]) -> int:
    if not ref or not hyp:
        return len(ref) + len(hyp)
    return min(
        slow_distance(ref[1:], hyp[1:]) + (ref[0] != hyp[0]),
        slow_distance(ref[1:], hyp) + 1,
        slow_distance(ref, hyp[1:]) + 1,
    )


@given(st.lists(st.sampled_from("abc"), max_size=5), st.lists(st.sampled_from("abc"), max_size=5))
def test_errors_are_the_slow_distance(ref: list[str], hyp: list[str]) -> None:
    assert count_errors(align_words([ref], [hyp])[0]).errors == slow_distance(ref, hyp) == distance([ref], [hyp])


@given(st.lists(st.tuples(sentences, sentences), max_size=4))
def test_alignment_holds_every_word_once_and_its_op_tells_the_truth(pairs: list[tuple[list[str], list[str]]]) -> None:
    refs, hyps = [ref for ref, _ in pairs], [hyp for _, hyp in pairs]
    for ref, hyp, columns in zip(refs, hyps, align_words(refs, hyps), strict=True):
        assert [pair.ref for pair in columns if pair.ref is not None] == ref
        assert [pair.hyp for pair in columns if pair.hyp is not None] == hyp
        for pair in columns:
            kinds = {"C": pair.ref == pair.hyp, "I": pair.ref is None, "D": pair.hyp is None}
            assert kinds.get(pair.op, pair.ref is not None and pair.hyp is not None and pair.ref != pair.hyp)
    assert distance(refs, hyps) == sum(count_errors(columns).errors for columns in align_words(refs, hyps))


@given(sentences, sentences)
def test_errors_in_characters_are_the_slow_distance_of_the_texts(ref: list[str], hyp: list[str]) -> None:
    ref, hyp = ref[:3], hyp[:3]
    texts = [list(" ".join(words)) for words in (ref, hyp)]
    counts = count_characters([ref], [hyp])
    assert (counts.words, counts.errors) == (len(texts[0]), slow_distance(*texts))


def test_characters_of_several_sentences_are_summed() -> None:
    assert count_characters([["AB", "C"], []], [["AB", "CD"], ["X"]]) == ErrorCounts(4, 0, 2, 0)
    assert count_characters([], []) == ErrorCounts()


@given(sentences)
def test_identical_sentences_have_no_errors(words: list[str]) -> None:
    assert distance([words], [words]) == 0


def test_counts_by_kind() -> None:
    columns = align_words([["ONE", "TWO", "THREE", "FOUR"]], [["ONE", "TOO", "FOUR", "FIVE"]])[0]
    counts = count_errors(columns)
    assert (counts.words, counts.errors) == (4, 3)
    assert counts + ErrorCounts(1, 0, 0, 1) == ErrorCounts(
        5, counts.substitutions, counts.insertions, counts.deletions + 1
    )
    assert align_words([[]], [["A"]])[0][0].op == "I"
    assert align_words([], []) == []
    assert distance([], []) == 0
