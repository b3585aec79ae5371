"""Kaldi's probabilities of pronunciations and silence: the costs of L's paths from the definition."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import kaldifst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.lang.fst import Fst, read_fst
from asr_prune.lang.lang import Lang
from asr_prune.lang.lexicon import read_lexicon
from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang

SILPROB = "<s> 0.7\n</s>_s 2.5\n</s>_n 0.06\noverall 0.2\n"
SENTENCE = (0.7, 2.5, 0.06)

pronunciation = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map(tuple)
probability = st.sampled_from([1.0, 0.5, 0.25, 1e-3])
below_one = st.sampled_from([0.01, 0.2, 0.5, 0.99])
factor = st.sampled_from([0.01, 0.5, 1.0, 1.7])
numbers = st.tuples(probability, below_one, factor, factor)
tiny = st.dictionaries(st.tuples(st.sampled_from(["W0", "W1"]), pronunciation), numbers, min_size=1, max_size=3)
Numbers = tuple[float, float, float, float]


def cost_of(chosen: list[Numbers], pauses: tuple[bool, ...]) -> float:
    """-log of the probabilities of a word sequence with a pause or none at each boundary (Chen et al. 2015)."""
    begin, end_silence, end_speech = SENTENCE
    product = begin if pauses[0] else 1 - begin
    for (spoken, after, after_silence, after_speech), before, behind in zip(chosen, pauses, pauses[1:], strict=False):
        product *= spoken * (after_silence if before else after_speech) * (after if behind else 1 - after)
    return -math.log(product * (end_silence if pauses[-1] else end_speech))


def prepared(folder: Path, entries: dict[Any, Numbers], columns: int, options: LangOptions) -> Path:
    name = "lexiconp_silprob.txt" if columns > 1 else "lexiconp.txt"
    rows = [(word, *own[:columns], *phones) for (word, phones), own in entries.items()]
    (folder / name).write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    (folder / "silprob.txt").write_text(SILPROB)
    prepare_lang(folder / name, folder / "lang", options)
    return folder / "lang"


def found_costs(paths: Callable, fst: Fst, most: int) -> dict[Any, list[float]]:
    found = defaultdict(list)
    for inputs, outputs, cost in paths(fst.to_str(show_weight_one=True), most):
        found[inputs, outputs].append(cost)
    return {key: sorted(costs) for key, costs in found.items()}


@settings(max_examples=25)
@given(entries=tiny)
def test_silence_of_words_as_defined(paths: Callable, entries: dict[Any, Numbers]) -> None:
    with tempfile.TemporaryDirectory() as name:
        lang = Lang.read(prepared(Path(name), entries, 4, LangOptions()))
        found = found_costs(paths, read_fst(Path(name) / "lang/L.fst", "lang"), 2)
    expected = defaultdict(list)
    for count in range(3):
        for chosen in itertools.product(entries.items(), repeat=count):
            for pauses in itertools.product([False, True], repeat=count + 1):
                phones = ["SIL"] * pauses[0]
                for ((_, own), _), pause in zip(chosen, pauses[1:], strict=True):
                    phones += [*own, *["SIL"] * pause]
                key = tuple(lang.phones[p] for p in phones), tuple(lang.words[word] for (word, _), _ in chosen)
                expected[key].append(cost_of([own for _, own in chosen], pauses))
    assert found.keys() == expected.keys()
    for key, costs in expected.items():
        assert found[key] == pytest.approx(sorted(costs), abs=1e-3)


@settings(max_examples=25)
@given(entries=tiny, sil_prob=st.sampled_from([0.0, 0.3]), marked=st.booleans())
def test_pronunciations_cost_what_the_file_says(
    paths: Callable, entries: dict[Any, Numbers], sil_prob: float, marked: bool
) -> None:
    options = LangOptions(sil_prob=sil_prob, position_dependent=marked)
    plain = {entry: (1.0, *own[1:]) for entry, own in entries.items()}
    costs = []
    for own in (entries, plain):
        with tempfile.TemporaryDirectory() as name:
            lang = prepared(Path(name), own, 1, options)
            costs.append(found_costs(paths, read_fst(lang / "L.fst", "lang"), 1))
            words = Lang.read(lang).words
    least: dict[int, list[float]] = defaultdict(list)
    for (word, _), own in entries.items():
        least[words[word]].append(-math.log(own[0]))
    assert costs[0].keys() == costs[1].keys()
    for (phones, spoken), own in costs[0].items():
        differences = [one - two for one, two in zip(own, costs[1][phones, spoken], strict=True)]
        allowed = least[spoken[0]] if spoken else [0.0]
        assert all(any(abs(each - cost) < 1e-3 for cost in allowed) for each in differences)


@settings(max_examples=25)
@given(entries=tiny, columns=st.sampled_from([1, 4]))
def test_disambiguated_phones_name_one_word_sequence(
    paths: Callable, entries: dict[Any, Numbers], columns: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        lang = prepared(Path(name), entries, columns, LangOptions())
        fst, table = read_fst(lang / "L_disambig.fst", "lang"), Lang.read(lang)
    fst = kaldifst.compose(fst, _without(table.words["#0"], table))
    meaning = defaultdict(set)
    for inputs, outputs, _ in paths(fst.to_str(show_weight_one=True), 2):
        meaning[inputs].add(outputs)
    assert all(len(sequences) == 1 for sequences in meaning.values())
    assert not kaldifst.determinize_star(fst)


def _without(loop: int, lang: Lang) -> Fst:
    """Accepts all word sequences without #0."""
    words = [i for i in lang.words.values() if i not in (0, loop)]
    return kaldifst.compile("".join(f"0 0 {i} {i}\n" for i in words) + "0\n")


def test_the_lexicon_is_kept_in_kaldis_form(tmp_path: Path) -> None:
    entries = {("A", ("a",)): (1.0, 0.2, 1.5, 0.7), ("B", ("b", "a")): (0.5, 0.3, 1.0, 1.0)}
    lang = prepared(tmp_path, entries, 4, LangOptions(position_dependent=True))
    assert (lang / "lexiconp_silprob.txt").read_text() == "A 1.0 0.2 1.5 0.7 a\nB 0.5 0.3 1.0 1.0 b a\n"
    assert (lang / "lexiconp.txt").read_text() == "A 1.0 a\nB 0.5 b a\n"
    assert read_lexicon(lang / "lexiconp_silprob.txt") == read_lexicon(tmp_path / "lexiconp_silprob.txt")
    prepare_lang(lang / "lexiconp.txt", tmp_path / "plain", LangOptions())
    assert not (tmp_path / "plain/silprob.txt").exists()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("lexiconp.txt", "A 1.0 AH\nB B IY\n", ["lexiconp.txt:2", "'B'", "`WORD P PHONE ...`"]),
        ("lexiconp.txt", "A AH\n", ["lexiconp.txt:1", "'AH'", "probability"]),
        ("lexiconp.txt", "A 0 AH\n", ["lexiconp.txt:1", "'0'", "above 0 and at most 1"]),
        ("lexiconp.txt", "A 0.0 AH\n", ["'0.0'"]),
        ("lexiconp.txt", "A 1.01 AH\n", ["'1.01'"]),
        ("lexiconp.txt", "A -0.5 AH\n", ["'-0.5'"]),
        ("lexiconp.txt", "A nan AH\n", ["'nan'"]),
        ("lexiconp.txt", "A 1e-400 AH\n", ["'1e-400'"]),
        ("lexiconp.txt", "A ٠.٥ AH\n", ["'٠.٥'"]),
        ("lexiconp.txt", "A 1.0\n", ["lexiconp.txt:1", "'A'", "empty pronunciation"]),
        ("lexiconp.txt", "A 0.5 AH\nB 1 B\nA 0.7 AH\n", ["lexiconp.txt:3", "line 1", "another probability"]),
        ("lexiconp_silprob.txt", "A 1.0 1.0 1 1 AH\n", ["'1.0'", "above 0 and below 1"]),
        ("lexiconp_silprob.txt", "A 1.0 0.5 0 1 AH\n", ["'0'", "a factor above 0"]),
        ("lexiconp_silprob.txt", "A 1.0 0.5 1 inf AH\n", ["'inf'"]),
        ("lexiconp_silprob.txt", "A 1.0 AH\n", ["'AH'"]),
        ("lexicon.txt", "A 1.0 AH\nB 0.5 B IY\n", ["lexicon.txt", "lexiconp.txt", "probabilities"]),
    ],
)
def test_wrong_probabilities_are_refused(tmp_path: Path, name: str, text: str, words: list[str]) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "silprob.txt").write_text(SILPROB)
    with pytest.raises(UserError) as error:
        prepare_lang(tmp_path / name, tmp_path / "lang", LangOptions())
    assert all(word in str(error.value) for word in words)
    assert not (tmp_path / "lang").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<s> 0.7\n", "", ["no line <s>"]),
        ("<s> 0.7", "<s> 1.0", ["silprob.txt:1", "below 1"]),
        ("overall 0.2", "overall 0", ["silprob.txt:4"]),
        ("</s>_s 2.5", "</s>_s 2.5 1", ["silprob.txt:2", "'</s>_s 2.5 1'"]),
        ("</s>_s", "</s>", ["silprob.txt:2", "once for each"]),
        ("</s>_s", "</s>_n", ["silprob.txt:3"]),
        ("0.06", "-1", ["silprob.txt:3", "'-1'"]),
        (SILPROB, "", ["no line <s>"]),
    ],
)
def test_wrong_silence_of_sentences_is_refused(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    (tmp_path / "lexiconp_silprob.txt").write_text("A 1.0 0.5 1 1 AH\n")
    (tmp_path / "silprob.txt").write_text(SILPROB.replace(old, new))
    with pytest.raises(UserError) as error:
        read_lexicon(tmp_path / "lexiconp_silprob.txt")
    assert all(word in str(error.value) for word in words)


def test_phones_that_are_numbers_are_phones(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "lexicon.txt").write_text("MA m a 1\nYI 1 1\nBA 1.0 b\n")
    assert read_lexicon(tmp_path / "lexicon.txt").entries[2] == ("YI", ("1", "1"))
    assert "the first phone of 1 pronunciations is a number" in caplog.text
    (tmp_path / "units.txt").write_text("MA 12 7\nYI 1 7\n")
    assert len(read_lexicon(tmp_path / "units.txt").entries) == 2


def test_which_of_several_is_used_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    (tmp_path / "lexicon.txt").write_text("A a\n")
    lang = prepared(tmp_path, {("A", ("a",)): (0.5, 0.5, 1.0, 1.0)}, 1, LangOptions())
    assert "lexiconp.txt is used, not lexicon.txt beside it" in caplog.text
    assert (lang / "lexiconp.txt").read_text() == "A 0.5 a\n"
    (tmp_path / "lexicon.txt").write_text("A a\nB a\n")
    with pytest.raises(UserError, match="differ in 1 pronunciation, the first: B a"):
        prepare_lang(tmp_path / "lexiconp.txt", tmp_path / "lang", LangOptions())


letters = st.text(st.sampled_from("aA1.0#5 \t\r\n\0\x1c\u00a0<>s/e-"))


@given(letters, st.sampled_from(["lexicon", "lexiconp", "lexiconp_silprob"]))
def test_any_text_is_a_lexicon_or_refused(text: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.txt"
        path.write_bytes(text.encode())
        (path.parent / "silprob.txt").write_text(SILPROB)
        with suppress(UserError):
            for (word, phones), chances in zip(*_read(path), strict=True):
                assert phones
                assert not any(phone.startswith("#") or " " in phone for phone in (*phones, word[1:]))
                assert 0 < chances.pronunciation <= 1


def _read(path: Path) -> tuple[list[Any], list[Any]]:
    read = read_lexicon(path)
    return read.entries, read.chances
