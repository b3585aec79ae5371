"""sclite's markup in references: how it is read, and which alternatives are chosen."""

from __future__ import annotations

import logging
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.score.align import distance
from asr_prune.score.alternatives import Choice, Optional, Reference, is_plain, mapped, parse, written
from asr_prune.score.choose import choose
from asr_prune.score.compare import compare
from asr_prune.score.options import ScoreOptions
from asr_prune.score.tune import grid_errors
from asr_prune.score.wer import Score, score
from asr_prune.score.write import write_score


def parts_of(depth: int) -> st.SearchStrategy[Reference]:
    words = st.sampled_from("abc") | st.sampled_from("abc").map(Optional)
    inner = words
    if depth:
        choices = st.lists(parts_of(depth - 1), min_size=2, max_size=3).map(lambda alts: Choice(tuple(alts)))
        inner = words | choices
    return st.lists(inner, max_size=3).map(tuple)


def readings(parts: Reference) -> list[list[str]]:
    """Every way to read a reference, optional words with and without."""

    def of(part: object) -> list[list[str]]:
        if isinstance(part, Choice):
            return [words for each in part.alternatives for words in readings(each)]
        return [[part.word], []] if isinstance(part, Optional) else [[str(part)]]

    return [[word for words in each for word in words] for each in product(*map(of, parts))]


@given(parts_of(2))
def test_what_is_written_is_read_as_the_same(parts: Reference) -> None:
    assert parse(" ".join(written(parts)), "utt") == parts


@given(parts_of(2), st.lists(st.sampled_from("abc"), max_size=4))
def test_the_chosen_reference_has_the_fewest_errors_of_all_readings(parts: Reference, hyp: list[str]) -> None:
    chosen = choose(parts, hyp, {})
    assert chosen.spoken in readings(parts)
    assert distance([chosen.spoken], [hyp]) == min(distance([words], [hyp]) for words in readings(parts))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {BREATH} b", ("a", "{BREATH}", "b")),
        ("and/or / @ (a b)", ("and/or", "/", "@", "(a", "b)")),
        ("{ a } b", ("{", "a", "}", "b")),
        ("x{a/@}y", ("x", Choice((("a",), ())), "y")),
        ("(a)", (Optional("a"),)),
    ],
)
def test_what_is_markup_and_what_is_a_word(text: str, expected: Reference) -> None:
    assert parse(text, "utt") == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a { b / c", "the reference of utt-1 has a { without its counterpart; write alternatives as { a / b }"),
        ("a b / c } d", "has a } without its counterpart"),
        ("{ a / }", "has an alternative without words; write @ for no word"),
    ],
)
def test_markup_that_is_not_closed_is_refused(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse(text, "utt-1")
    refs, utt2spk = {"utt-1": text.split()}, {"utt-1": "s"}
    kept = score({}, refs, utt2spk, ScoreOptions(bootstrap=0, markup="none"))
    assert kept.words == len(text.split())


def scored(hyp: str, ref: str = "{ going to / gonna } (uh) go", **options: object) -> Score:
    return score({"a-1": hyp.split()}, {"a-1": ref.split()}, {"a-1": "a"}, ScoreOptions(bootstrap=0, **options))  # type: ignore[arg-type]


def test_equivalents_and_normalisation_reach_the_words_in_markup() -> None:
    output = scored("GOING TWO GO", equivalents=[["TO", "TWO"]], normalise=["upper"])
    assert (output.counts.errors, output.counts.words, output.counts_raw.errors) == (0, 4, 1)
    assert output.utterances[0].ops == "CCOC"
    assert output.characters.errors == 0
    dashed = scored("well known", "(well-known) { a-b / c }", normalise=["split_hyphens"])
    assert dashed.utterances[0].markup == ("(well)", "(known)", "{", "a", "b", "/", "c", "}")
    assert mapped(("a", Optional("b")), lambda words: []) == ()
    noisy = scored("so", "(cough) (uh) so", normalise=["no_noise"])
    assert noisy.utterances[0].markup == ("(uh)", "so")
    assert scored("so", "(hello) so", normalise=["no_punctuation"]).utterances[0].markup == ("(hello)", "so")


def test_alternatives_are_reported_and_plain_references_are_not(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        scored("gonna go")
    assert "1 of 1 references have alternatives or optional words, e.g. a-1 (score.markup: sclite)" in caplog.text
    caplog.clear()
    assert not scored("gonna go", "gonna go").utterances[0].markup
    assert "alternatives" not in caplog.text
    assert is_plain(("a",))


def test_the_written_files_have_the_markup_and_the_chosen_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_score(tmp_path / "s.json", scored("gonna go"))
    assert (tmp_path / "s.ref.trn").read_text() == "{ going to / gonna } (uh) go (a-1)\n"
    assert (tmp_path / "s.utts.tsv").read_text().splitlines()[0].endswith("\thyp\tmarkup")
    assert "#csid 3 0 0 0" in (tmp_path / "s.per_utt").read_text()
    assert "a-1" not in (tmp_path / "s.errors").read_text()
    assert "as markup" not in caplog.text
    write_score(tmp_path / "p.json", scored("gonna go", "gonna go"))
    assert (tmp_path / "p.utts.tsv").read_text().splitlines()[0].endswith("\thyp")


def test_runs_that_match_different_alternatives_are_compared_as_one_segment() -> None:
    first, second = scored("gonna"), scored("going to go")
    comparison = compare(first.utterances, second.utterances, 0, 0)
    assert comparison.difference == pytest.approx(-100 / 3)
    assert comparison.mapsswe.segments == 1


def test_the_lm_weight_is_chosen_by_the_best_alternatives() -> None:
    refs = {"a-1": ["{", "going", "to", "/", "gonna", "}", "(uh)", "go"]}
    grid = {(1, 0.0): {"a-1": ["gonna", "go"]}, (2, 0.0): {"a-1": ["going", "go"]}}
    assert grid_errors(grid, refs, ScoreOptions()) == {(1, 0.0): 0, (2, 0.0): 1}
