"""Pronunciation probabilities in the graphs of training and of decoding."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import kaldifst
import pytest

from asr_prune.decode.graph import make_graph
from asr_prune.decode.options import DecodeOptions
from asr_prune.hmm.graphs import compile_graphs
from asr_prune.hmm.mono import flat_start
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.dictionary import write_flat_unigram
from asr_prune.lang.fst import Fst
from asr_prune.lang.grammar import make_grammar
from asr_prune.lang.lang import Lang
from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang

SPOKEN = {"YES Y EH S": 0.25, "NO N OW": 0.5, "SO S OW": 1.0, "SO S EH": 0.125}
LEAST = {"YES": -math.log(0.25), "NO": -math.log(0.5), "SO": 0.0}


def prepared(folder: Path, weighted: bool, silence: str) -> Lang:
    folder.mkdir()
    lexicon = folder / ("lexiconp_silprob.txt" if silence else "lexiconp.txt")
    rows = ((*line.split(" ", 1), probability if weighted else 1.0) for line, probability in SPOKEN.items())
    lexicon.write_text("".join(f"{word} {each} {silence} {phones}\n" for word, phones, each in rows))
    (folder / "silprob.txt").write_text("<s> 0.5\n</s>_s 1\n</s>_n 1\noverall 0.5\n")
    prepare_lang(lexicon, folder / "lang", LangOptions())
    return Lang.read(folder / "lang")


def best(fst: Fst) -> float:
    return float(kaldifst.get_linear_symbol_sequence(kaldifst.shortest_path(fst))[3].value)


@pytest.mark.parametrize("silence", ["", "0.3 1.5 0.7"])
def test_the_likeliest_pronunciation_of_each_word(toy: Any, tmp_path: Path, silence: str) -> None:
    costs = []
    for weighted in (True, False):
        lang, data = prepared(tmp_path / str(weighted), weighted, silence), JoinedUtterances.join(toy.feats)
        graphs = compile_graphs(lang, flat_start(lang, data), toy.text, data.ids)
        costs.append({utt: best(graph) for utt, graph in graphs.items()})
    for utt, words in toy.text.items():
        assert costs[0][utt] - costs[1][utt] == pytest.approx(sum(LEAST[word] for word in words), abs=0.02)


@pytest.mark.parametrize("silence", ["", "0.3 1.5 0.7"])
def test_decoding_graphs_can_be_determinised(toy: Any, tmp_path: Path, silence: str) -> None:
    lang = prepared(tmp_path / "dict", True, silence)
    flat_start(lang, JoinedUtterances.join(toy.feats)).save(tmp_path / "mono")
    write_flat_unigram(tmp_path / "lm.arpa", LEAST)
    make_grammar(tmp_path / "lm.arpa", tmp_path / "dict/lang")
    assert make_graph(tmp_path / "dict/lang", tmp_path / "mono", tmp_path / "graph", DecodeOptions()).states
