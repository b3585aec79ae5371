from __future__ import annotations

import gzip
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.lang.arpa import check_arpa
from asr_prune.lang.fst import Fst, read_fst
from asr_prune.lang.grammar import make_grammar
from asr_prune.lang.ngram.arpa import write_arpa
from asr_prune.lang.ngram.build import Text, build_lm
from asr_prune.lang.ngram.model import BackOff
from asr_prune.lang.ngram.options import LmOptions
from asr_prune.lang.ngram.prune import prune_ngrams
from asr_prune.lang.ngram.text import Vocabulary, encode_text
from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang
from asr_prune.lang.symbols import read_symbols

ANY = Callable[..., list]
sentence = st.lists(st.sampled_from("ABCD"), min_size=1, max_size=6)


def walk(g: Fst, ids: list[int], back_off: int) -> float:
    """-log p of a sentence by G, whose arcs of #0 are for words that have none."""
    state, cost = g.start, 0.0
    for word in ids:
        while not (arcs := {arc.ilabel: arc for arc in _arcs(g, state)}).get(word):
            state, cost = arcs[back_off].nextstate, cost + arcs[back_off].weight.value
        state, cost = arcs[word].nextstate, cost + arcs[word].weight.value
    while math.isinf(g.final(state).value):
        arc = next(arc for arc in _arcs(g, state) if arc.ilabel == back_off)
        state, cost = arc.nextstate, cost + arc.weight.value
    return float(cost + g.final(state).value)


def _arcs(g: Fst, state: int) -> list:
    import kaldifst

    return list(kaldifst.ArcIterator(g, state))


@pytest.fixture(scope="module")
def lang(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lang")
    (folder / "lexicon.txt").write_text("".join(f"{word} {word.lower()}\n" for word in "ABCDE"))
    prepare_lang(folder / "lexicon.txt", folder / "lang", LangOptions())
    return folder / "lang"


def check(model: BackOff, lang: Path, sentences: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_arpa(model, Path(folder) / "lm.arpa")
        assert check_arpa(Path(folder) / "lm.arpa").words == set(model.words)
        make_grammar(Path(folder) / "lm.arpa", lang)
    g, words = read_fst(lang / "G.fst", "lang"), read_symbols(lang / "words.txt")
    for said in sentences:
        log_p = model.log_p(encode_text([said], Vocabulary.of("ABCDE")).ids).sum()
        assert walk(g, [words[word] for word in said], words["#0"]) == pytest.approx(-log_p, abs=1e-4)


@settings(max_examples=25)
@given(texts=st.lists(sentence, min_size=1, max_size=10), said=st.lists(sentence, max_size=4), order=st.integers(1, 4))
def test_grammar_and_model_agree_before_and_after_pruning(
    model: ANY, lang: Path, texts: list[list[str]], said: list[list[str]], order: int
) -> None:
    whole, times = model(texts, "ABCDE", order, "kneser_ney")
    check(whole, lang, [*texts, *said])
    check(prune_ngrams(whole, times, sum(map(len, times[1:])) // 2), lang, [*texts, *said])


def test_orders_that_have_nothing_are_left_out(model: ANY, tmp_path: Path) -> None:
    whole, times = model([["A", "B"]], "AB", 3, "witten_bell")
    write_arpa(prune_ngrams(whole, times, 0), tmp_path / "lm.arpa")
    found = check_arpa(tmp_path / "lm.arpa")
    assert (found.words, found.order) == ({"<s>", "</s>", "A", "B"}, 1)
    assert np.isneginf(whole.orders[0].log_p[0])


def test_a_name_in_gz_is_compressed(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("A B\nB A\n")
    for name in ("lm.arpa", "lm.arpa.gz"):
        build_lm(Text([tmp_path / "text"]), tmp_path / name, LmOptions())
    packed = (tmp_path / "lm.arpa.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "lm.arpa").read_bytes()
    assert packed[4:8] == bytes(4)
