"""HCLG's best cost against the best over all word sequences, each through its own training graph and the ARPA file."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import kaldi_hmm_gmm as khg
import kaldifst
import numpy as np
import pytest

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.graph import make_graph
from asr_prune.decode.options import DecodeOptions
from asr_prune.errors import UserError
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.model import HmmModel
from asr_prune.lang.fst import read_fst
from asr_prune.lang.lang import Lang

WIDE = DecodeOptions(beam=1e4, max_active=10**7)
UNIGRAM = {"YES": (-0.9, -0.2), "NO": (-0.7, -0.1), "SO": (-1.1, -0.4), "OH": (-1.2, 0.0), "TO": (-0.9, -0.2)}
UNIGRAM |= {"TWO": (-1.3, 0.0), "<s>": (-99.0, -0.3), "</s>": (-0.8, 0.0)}
BIGRAM = {("NO", "SO"): -0.2, ("<s>", "TO"): -0.5, ("SO", "</s>"): -0.3}


def lm_cost(words: tuple[str, ...]) -> float:
    """Back-off taken where it is cheaper, as in the FST."""
    total = 0.0
    for pair in itertools.pairwise(("<s>", *words, "</s>")):
        backed = UNIGRAM[pair[0]][1] + UNIGRAM[pair[1]][0]
        total += max(BIGRAM.get(pair, -np.inf), backed)
    return -total * float(np.log(10))


@pytest.mark.parametrize("seed", range(6))
def test_best_cost_over_all_word_sequences(recogniser: Any, viterbi: Callable, seed: int) -> None:
    """Ten frames hold three phones at most."""
    loglikes = recogniser.loglikes(seed, 10)
    lang, model = Lang.read(recogniser.lang), HmmModel.load(recogniser.hmm)
    options = khg.TrainingGraphCompilerOptions(transition_scale=1.0, self_loop_scale=0.1, reorder=True)
    lexicon = read_fst(recogniser.lang / "L.fst", "lang")
    compiler = khg.TrainingGraphCompiler(model.transitions, model.tree, lexicon, lang.disambig, options)
    pdfs, best = id_to_pdf(model.transitions), np.inf
    spoken = [word for word in UNIGRAM if not word.startswith("<")]
    for count in (1, 2, 3):
        for words in itertools.product(spoken, repeat=count):
            graph = compiler.compile_graph_from_text([lang.words[word] for word in words])
            best = min(best, viterbi(FstArrays.of(graph), loglikes, pdfs) + lm_cost(words))
    result = Decoder(recogniser.graph, WIDE).best(loglikes, 1.0)
    assert result.reached_final
    assert -result.score == pytest.approx(best, abs=5e-3)


@pytest.mark.parametrize("scale", [1.0, 0.25, 0.1])
@pytest.mark.parametrize("frames", [9, 60])
def test_search_finds_the_viterbi_cost(recogniser: Any, viterbi: Callable, frames: int, scale: float) -> None:
    arrays = FstArrays.of(read_fst(recogniser.graph / "HCLG.fst", "graph"))
    loglikes = recogniser.loglikes(frames, frames)
    column = np.loadtxt(recogniser.graph / "pdfs.txt", np.int32)
    result = Decoder(recogniser.graph, WIDE).best(loglikes, scale)
    assert -result.score == pytest.approx(viterbi(arrays, loglikes * scale, column), abs=1e-3)


@pytest.mark.parametrize("frames", [9, 60])
def test_lattice_has_the_viterbi_cost_at_other_weights_and_penalties(
    recogniser: Any, viterbi: Callable, frames: int
) -> None:
    arrays = FstArrays.of(read_fst(recogniser.graph / "HCLG.fst", "graph"))
    loglikes = recogniser.loglikes(frames, frames)
    column = np.loadtxt(recogniser.graph / "pdfs.txt", np.int32)
    lattice = Decoder(recogniser.graph, replace(WIDE, lattice_beam=300.0)).lattice(loglikes)
    points = [(10, 0.0), (1, 0.0), (4, 0.5), (10, -1.0), (17, 1.0)]
    for (weight, penalty), (_, cost) in zip(points, lattice.sweep(points), strict=True):
        arcs = arrays.arcs.copy()
        arcs["weight"][arcs["olabel"] > 0] += penalty
        own = FstArrays(arrays.start, arrays.finals, arrays.counts, arcs)
        assert cost == pytest.approx(viterbi(own, loglikes / weight, column), abs=1e-3)


def test_words_are_those_spoken(recogniser: Any) -> None:
    """Log-likelihoods that favour one path give its words back, through any homophone."""
    lang, model = Lang.read(recogniser.lang), HmmModel.load(recogniser.hmm)
    spoken = ["NO", "YES", "SO"]
    options = khg.TrainingGraphCompilerOptions(transition_scale=1.0, self_loop_scale=0.1, reorder=True)
    lexicon = read_fst(recogniser.lang / "L.fst", "lang")
    compiler = khg.TrainingGraphCompiler(model.transitions, model.tree, lexicon, lang.disambig, options)
    path = kaldifst.equal_align(compiler.compile_graph_from_text([lang.words[w] for w in spoken]), 60, 0, 10)[1]
    pdfs = id_to_pdf(model.transitions)[kaldifst.get_linear_symbol_sequence(path)[1]]
    loglikes = np.full((60, recogniser.pdfs), -20, np.float32)
    loglikes[np.arange(60), pdfs] = 0
    assert Decoder(recogniser.graph, DecodeOptions()).best(loglikes, 1.0).words == spoken


def test_self_loops_follow_the_transition_that_leaves_their_state(recogniser: Any) -> None:
    """Kaldi's reorder: who enters a state with a self-loop has come by a leaving transition of the same HMM state."""
    arrays = FstArrays.of(read_fst(recogniser.graph / "HCLG.fst", "graph"))
    transitions = HmmModel.load(recogniser.hmm).transitions
    state = np.asarray(transitions.id2state)[arrays.arcs["ilabel"]]
    loops = (arrays.sources == arrays.arcs["nextstate"]) & (arrays.arcs["ilabel"] > 0)
    assert loops.any()
    for loop in np.flatnonzero(loops):
        enters = (arrays.arcs["nextstate"] == arrays.sources[loop]) & ~loops
        assert enters.any()
        assert set(state[enters].tolist()) == {state[loop]}
        assert not any(map(transitions.is_self_loop, arrays.arcs["ilabel"][enters].tolist()))


def test_files_of_the_graph(recogniser: Any) -> None:
    size = json.loads((recogniser.graph / "size.json").read_text())
    assert size["states"], size["arcs"] == (recogniser.size.states, recogniser.size.arcs)
    assert size["pdfs"] == recogniser.pdfs
    assert list(size["sums"]) == ["LG", "CLG", "HCLGa", "HCLG"]
    assert "states, " in str(recogniser.size)
    assert (recogniser.graph / "words.txt").read_text() == (recogniser.lang / "words.txt").read_text()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda lang, hmm: (lang / "G.fst").unlink(), "there is no .*G.fst; correct its path"),
        (lambda lang, hmm: (lang / "G.fst").write_bytes(b"\x00" * 40), "lang stage"),
        (lambda lang, hmm: (hmm / "final.mdl").unlink(), "final.mdl: No such file or directory; correct its path"),
        (lambda lang, hmm: kaldifst.StdVectorFst().write(str(lang / "G.fst")), "no word sequence"),
    ],
)
def test_inputs_missing_or_damaged(recogniser: Any, tmp_path: Path, damage: Callable, words: str) -> None:
    lang, hmm = tmp_path / "lang", tmp_path / "mono"
    shutil.copytree(recogniser.lang, lang)
    shutil.copytree(recogniser.hmm, hmm)
    damage(lang, hmm)
    with pytest.raises(UserError, match=words):
        make_graph(lang, hmm, tmp_path / "graph", DecodeOptions())
    assert not (tmp_path / "graph").exists()
