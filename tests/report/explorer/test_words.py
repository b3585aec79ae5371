"""Words of all runs, each distinct hypothesis once."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from asr_prune.report.explorer.words import slots, word_table
from asr_prune.score.align import Pair
from asr_prune.score.wer import Utterance

PAIRS = st.lists(
    st.one_of(
        st.builds(lambda word: Pair("C", word, word), st.sampled_from("ABC")),
        st.builds(lambda ref, hyp: Pair("S", ref, hyp), st.sampled_from("ABC"), st.sampled_from("DEF")),
        st.builds(lambda hyp: Pair("I", None, hyp), st.sampled_from("ABC")),
        st.builds(lambda ref: Pair("D", ref, None), st.sampled_from("ABC")),
    ),
    max_size=8,
)


def said(ref: tuple[str, ...], errors: tuple[tuple[int, str], ...]) -> list[str]:
    """The hypothesis again, word by word."""
    found = dict(errors)
    texts = [found.get(place, ref[place // 2] if place % 2 else "") for place in range(2 * len(ref) + 1)]
    return [word for text in texts for word in text.split()]


@given(PAIRS)
def test_slots_keep_reference_and_hypothesis(pairs: list[Pair]) -> None:
    ref, errors = slots(pairs)
    assert list(ref) == [pair.ref for pair in pairs if pair.ref]
    assert said(ref, errors) == [pair.hyp for pair in pairs if pair.hyp]
    assert bool(errors) == any(pair.op != "C" for pair in pairs)


def test_equivalent_and_optional_words_are_no_errors() -> None:
    assert slots([Pair("C", "O", "OH"), Pair("O", "UH", None)]) == (("O", "UH"), ())


def heard(name: str, hyp: str) -> Utterance:
    """An utterance with reference A."""
    return Utterance(name, "s", [Pair("C" if hyp == "A" else "S", "A", hyp)])


def test_utterances_that_all_have_right_are_left_out_and_variants_stand_once() -> None:
    runs = {
        "one": [heard("u1", "A"), heard("u2", "B")],
        "none": [],
        "two": [heard("u1", "A"), heard("u2", "A")],
        "three": [heard("u2", "B")],
    }
    table = word_table(runs)
    assert table["runs"] == ["one", "two", "three"]
    (row,) = table["utterances"]
    assert (row["n"], row["s"], row["i"]) == ("u2", "s", [0, 1, 0])
    assert row["v"] == [(("A",), ((1, "B"),)), (("A",), ())]
    assert word_table({"one": runs["one"], "three": runs["three"]})["utterances"][0]["i"] == [0, 0]


def test_a_run_that_lacks_an_utterance_has_no_variant_of_it() -> None:
    table = word_table({"one": [heard("u1", "B")], "two": [heard("u2", "B")]})
    assert [row["i"] for row in table["utterances"]] == [[0, -1], [-1, 0]]


def test_what_does_not_fit_is_counted_and_differs_least() -> None:
    runs = {run: [heard("same", "B"), heard("other", word)] for run, word in (("one", "B"), ("two", "C"))}
    assert word_table(runs)["left_out"] == 0
    (largest,) = [row for row in word_table(runs)["utterances"] if row["n"] == "other"]
    small = word_table(runs, budget=len(json.dumps(largest)) + 20)
    assert [row["n"] for row in small["utterances"]] == ["other"]
    assert small["left_out"] == 1


def test_no_words() -> None:
    assert word_table({"one": [], "two": []}) == {"runs": [], "utterances": [], "left_out": 0}
