"""Words aligned once more: with the scores of a GMM-HMM against its own alignment, and with tokens of CTC against all
paths.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import kaldifst
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic.utterances import collapsed, fewest_frames
from asr_prune.decode.gmm import gmm_log_likelihoods
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.word_times import HmmTimer, TokenTimer, forced_path, spelled_spans
from asr_prune.hmm.align import Search, align
from asr_prune.hmm.graphs import compile_graphs
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.options import HmmOptions, MonoOptions
from asr_prune.hmm.passes import Speech, train_passes
from asr_prune.hmm.phones import phone_spans, word_spans
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.fst import read_fst
from asr_prune.lang.lang import Lang
from asr_prune.lang.tokens import BEGIN, BLANK, Tokens

BEAMS: dict[str, Any] = {"initial_beam": 50.0, "beam": 50.0, "retry_beam": 200.0, "acoustic_scale": 1.0}
PASSES = HmmOptions(passes=(MonoOptions(iterations=6, grow_iterations=4, gaussians=30, **BEAMS),))


@pytest.fixture(scope="module")
def mono(toy: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("times")
    train_passes(toy.lang, Speech(toy.feats, toy.text, {}, 0), folder, PASSES, 0)
    return folder / "mono"


@pytest.mark.trains
@pytest.mark.parametrize("weight", [1.0, 5.0])
def test_words_are_where_the_forced_alignment_has_them(toy: Any, mono: Path, weight: float) -> None:
    lang, model = Lang.read(toy.lang), HmmModel.load(mono)
    data, graphs = JoinedUtterances.join(toy.feats), compile_graphs(lang, model, toy.text, sorted(toy.feats))
    forced = align(model, graphs, data, Search(1e3, 1e4, 1 / weight, 1.0, 0.1))
    lexicon = read_fst(toy.lang / "L.fst", "lang")
    kaldifst.arcsort(lexicon, "ilabel")
    timer = HmmTimer(toy.lang, mono, DecodeOptions(), weight)
    for i, (utt, loglikes) in enumerate(gmm_log_likelihoods(mono, toy.feats)):
        at = data.ids.index(utt)
        phones = phone_spans(model.transitions, forced.ids[data.bounds[at] : data.bounds[at + 1]].tolist())
        asked = word_spans(lexicon, lang.word_ids(toy.text[utt]) or [], phones, lang.optional_silence)
        assert timer(toy.text[utt], loglikes) == asked, i
        assert len(asked) == len(toy.text[utt])


@pytest.mark.trains
def test_words_too_fast_or_unknown_have_no_times(toy: Any, mono: Path) -> None:
    timer = HmmTimer(toy.lang, mono, DecodeOptions(), 1.0)
    loglikes = dict(gmm_log_likelihoods(mono, toy.feats))["utt00"]
    assert timer(["YES"] * 40, loglikes) == []
    assert timer(["MAYBE"], loglikes) == []
    assert timer([], loglikes) == []


@pytest.mark.torchaudio
@settings(max_examples=60)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(1, 6))
def test_the_forced_path_is_the_best_of_all_that_spell_the_tokens(seed: int, tokens: list[int], frames: int) -> None:
    frames = max(frames, fewest_frames(np.array(tokens)))
    scores = np.random.default_rng(seed).normal(size=(frames, 4)).astype(np.float32)
    logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    every = (np.array(path) for path in itertools.product(range(4), repeat=frames))
    best = max(logs[range(frames), path].sum() for path in every if collapsed(path).tolist() == tokens)
    path = forced_path(logs, np.array(tokens))
    assert collapsed(path).tolist() == tokens
    assert logs[range(frames), path].sum() == pytest.approx(best, abs=1e-5)


def test_words_last_from_their_first_letter_to_their_last() -> None:
    symbols = [BLANK, BEGIN, "A", "B", f"{BEGIN}AB"]
    path = np.array([0, 1, 1, 0, 2, 2, 0, 3, 0, 1, 3, 3, 0, 3, 4, 0, 0])
    assert spelled_spans(path, symbols) == [
        ([(4, 6), (7, 8)], (4, 8)),
        ([(10, 12), (13, 14)], (10, 14)),
        ([(14, 15)], (14, 15)),
    ]
    assert spelled_spans(np.array([0, 1, 0]), symbols) == []


@pytest.mark.torchaudio
def test_words_are_timed_in_the_likeliest_of_their_pronunciations(tmp_path: Path) -> None:
    ways = {"A": [("EY",), ("AH",)], "ONE": [("HH", "W", "N"), ("W", "N")]}
    Tokens([BLANK, "AH", "EY", "HH", "N", "W"], lexicon=ways).write(tmp_path)
    timer, path = TokenTimer(tmp_path), np.array([0, 1, 1, 0, 5, 5, 0, 4, 0, 1])
    logs = np.log(np.where(np.arange(6) == path[:, None], 0.9, 0.02)).astype(np.float32)
    assert timer(["A", "ONE", "A"], logs) == [(1, 3), (4, 8), (9, 10)]
    assert timer(["A", "ZOO"], logs) == []
    assert timer(["ONE"], logs[:2]) in ([(0, 2)], [(1, 2)])


@pytest.mark.torchaudio
def test_tokens_of_words_are_found_among_their_posteriors(tmp_path: Path) -> None:
    Tokens([BLANK, BEGIN, "A", "B"]).write(tmp_path)
    timer, path = TokenTimer(tmp_path), np.array([0, 1, 2, 0, 2, 0, 0, 1, 3, 3, 0])
    logs = np.log(np.where(np.arange(4) == path[:, None], 0.91, 0.03)).astype(np.float32)
    assert timer(["AA", "B"], logs) == [(2, 5), (8, 10)]
    assert timer(["AZ"], logs) == []
    assert timer(["ABAB"] * 3, logs) == []
    assert timer([], logs) == []
