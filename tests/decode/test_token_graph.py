"""The graph of tokens: searched widely it finds what trying every sentence finds; greedy decoding spells words."""

from __future__ import annotations

import json
import math
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from asr_prune.decode.decoder import Decoder
from asr_prune.decode.greedy import greedy_words
from asr_prune.decode.make_graph import make_ctc_graph
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.token_graph import TokenGraphSize, make_token_graph
from asr_prune.errors import UserError
from asr_prune.lang.grammar import make_grammar
from asr_prune.lang.options import LangOptions
from asr_prune.lang.symbols import number_symbols, write_symbols
from asr_prune.lang.tokens import Tokens

WORDS = {"A": -0.4, "AB": -0.7, "BB": -0.9, "ZOO": -0.5}
END = -0.6
ARPA = "\\data\\\nngram 1=6\n\n\\1-grams:\n-99 <s>\n{end} </s>\n{words}\n\\end\\\n"


@pytest.fixture(scope="module")
def lang(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lang")
    Tokens.learn([["A", "B", "BA"]], LangOptions()).write(folder)
    write_symbols(number_symbols([*sorted(WORDS), "#0", "<s>", "</s>"]), folder / "words.txt")
    lines = "".join(f"{cost} {word}\n" for word, cost in WORDS.items())
    (folder / "lm.arpa").write_text(ARPA.format(end=END, words=lines))
    make_grammar(folder / "lm.arpa", folder)
    return folder


@pytest.fixture(scope="module")
def output(lang: Path) -> tuple[Path, TokenGraphSize]:
    return lang / "graph", make_token_graph(lang, lang / "graph")


def best_of_all(loglikes: np.ndarray, tokens: Tokens) -> tuple[list[str], float]:
    """Every path of frames: the words it spells, and its likelihood with that of the words."""
    best, score = [""], -math.inf
    for path in product(range(loglikes.shape[1]), repeat=len(loglikes)):
        one_hot = np.eye(loglikes.shape[1])[list(path)]
        words = greedy_words(one_hot, tokens.symbols)
        spelling = tokens.of_words(words) if all(word in WORDS for word in words) else None
        kept = [t for i, t in enumerate(path) if t and (i == 0 or path[i - 1] != t)]
        if spelling is None or kept != spelling[0].tolist():
            continue
        lm = math.log(10) * (sum(WORDS[word] for word in words) + END)
        total = lm + sum(float(loglikes[t, token]) for t, token in enumerate(path))
        if total > score:
            best, score = words, total
    return best, score


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_search_finds_the_best_of_all_paths(lang: Path, output: tuple[Path, TokenGraphSize], seed: int) -> None:
    tokens = Tokens.read(lang)
    draws = np.random.default_rng(seed).normal(0, 2, (7, len(tokens.symbols)))
    loglikes = torch.log_softmax(torch.from_numpy(draws), -1).numpy().astype(np.float32)
    result = Decoder(output[0], DecodeOptions(beam=1e4, max_active=100000)).best(loglikes, 1.0)
    words, score = best_of_all(loglikes, tokens)
    assert result.words == words
    assert result.score == pytest.approx(score, abs=1e-3)
    assert result.reached_final


def test_a_word_is_found_by_each_of_its_pronunciations(lang: Path, tmp_path: Path) -> None:
    (tmp_path / "lexicon.txt").write_text("A AH\nA EY\nBB EY\nZOO Z UW\n")
    tokens = Tokens.learn([["A", "BB", "ZOO"]], LangOptions(tokens="phones"), tmp_path / "lexicon.txt")
    tokens.write(tmp_path)
    for name in ("words.txt", "G.fst"):
        shutil.copyfile(lang / name, tmp_path / name)
    assert make_token_graph(tmp_path, tmp_path / "graph").unspelled == ["AB"]
    decoder = Decoder(tmp_path / "graph", DecodeOptions(beam=1e4))
    for path, words in ((["AH"], ["A"]), (["EY"], ["A"]), (["Z", "UW", "AH"], ["ZOO", "A"])):
        loglikes = np.full((len(path), len(tokens.symbols)), -50, np.float32)
        loglikes[np.arange(len(path)), [tokens.ids[phone] for phone in path]] = 0
        assert decoder.best(loglikes, 1.0).words == words


def test_a_token_twice_needs_a_blank_between(lang: Path, output: tuple[Path, TokenGraphSize]) -> None:
    tokens = Tokens.read(lang)
    decoder = Decoder(output[0], DecodeOptions(beam=1e4))
    b = tokens.ids["B"]
    for path, words in (([1, b, 0, b], ["BB"]), ([1, 2, b, b], ["AB"])):
        loglikes = np.full((len(path), len(tokens.symbols)), -50, np.float32)
        loglikes[np.arange(len(path)), path] = 0
        assert decoder.best(loglikes, 1.0).words == words


def test_words_that_cannot_be_spelled_are_refused(output: tuple[Path, TokenGraphSize]) -> None:
    graph, size = output
    assert size.unspelled == ["ZOO"]
    assert size.tokens == 4
    assert json.loads((graph / "size.json").read_text())["unspelled"] == ["ZOO"]


def test_ten_words_that_cannot_be_spelled_are_named(
    lang: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of thirteen words, one has a letter that is a token."""
    words = ["A", *(f"{chr(ord('B') + i)}A" for i in range(12))]
    Tokens.learn([["A"]], LangOptions()).write(tmp_path)
    write_symbols(number_symbols([*words, "#0", "<s>", "</s>"]), tmp_path / "words.txt")
    lines = "".join(f"-1 {word}\n" for word in words)
    (tmp_path / "lm.arpa").write_text(ARPA.format(end=END, words=lines).replace("1=6", "1=15"))
    make_grammar(tmp_path / "lm.arpa", tmp_path)
    with caplog.at_level("WARNING"):
        make_ctc_graph(tmp_path, tmp_path / "graph")
    assert f"12 words of the LM cannot be spelled, left out: {' '.join(words[1:11])}\n" in caplog.text


def test_tokens_of_another_language_are_refused(lang: Path, tmp_path: Path) -> None:
    for name in ("words.txt", "G.fst"):
        (tmp_path / name).write_bytes((lang / name).read_bytes())
    Tokens.learn([["x"]], LangOptions()).write(tmp_path)
    with pytest.raises(UserError, match=r"the tokens spell no word of the language model"):
        make_token_graph(tmp_path, tmp_path / "graph")


def test_greedy_decoding_spells_words() -> None:
    symbols = ["<blk>", "\u2581", "A", "B"]
    path = [0, 1, 1, 2, 0, 2, 2, 1, 0, 3]
    assert greedy_words(np.eye(4)[path], symbols) == ["AA", "B"]
    assert greedy_words(np.eye(4)[[0, 0]], symbols) == []
