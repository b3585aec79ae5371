from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asr_prune.decode.decoder import Decoder
from asr_prune.decode.lattice_set import lattice_set
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.recognisers import GraphRecogniser, GreedyRecogniser, KnownWords
from asr_prune.decode.word_times import HmmTimer
from asr_prune.errors import UserError
from asr_prune.lang.tokens import BEGIN, BLANK

POINT = (9, 0.5)


def test_words_are_those_of_the_decode_stage_with_times_and_confidences(recogniser: Any) -> None:
    options = DecodeOptions(lattice_beam=10.0)
    loglikes = {f"utt{seed}": recogniser.loglikes(seed, 70) for seed in range(6)}
    words = lattice_set(recogniser.graph, loglikes.items(), options, [POINT]).words[POINT]
    timer = HmmTimer(recogniser.lang, recogniser.hmm, options, POINT[0])
    decoder = Decoder(recogniser.graph, options)
    recognise, known = GraphRecogniser(decoder, POINT, timer, True), KnownWords(words, timer, POINT, decoder)
    for utt, matrix in loglikes.items():
        hyp, aligned = recognise(utt, matrix), known(utt, matrix)
        assert hyp.words == words[utt] == aligned.words
        assert (hyp.spans, hyp.confidences) == (aligned.spans, aligned.confidences)
        assert len(hyp.confidences) == len(hyp.words) == len(hyp.spans)
        ends = [0, *(at for span in hyp.spans for at in span), 70]
        assert ends == sorted(ends)
        assert all(0 < sure <= 1 for sure in hyp.confidences)


def test_what_is_not_requested_is_not_computed(recogniser: Any) -> None:
    hyp = GraphRecogniser(Decoder(recogniser.graph, DecodeOptions()), POINT, None, False)(
        "a", recogniser.loglikes(1, 50)
    )
    assert (hyp.spans, hyp.confidences, hyp.frames) == ([], [], 50)
    known = KnownWords({"a": ["NO"]}, lambda words, loglikes: [(0, 5)], POINT, None)
    hyp = known("a", recogniser.loglikes(1, 50))
    assert (hyp.words, hyp.spans, hyp.confidences) == (["NO"], [(0, 5)], [])
    assert known("b", recogniser.loglikes(1, 50)).words == []


def test_a_word_that_the_graph_lacks_is_no_word_of_the_lattice(recogniser: Any) -> None:
    """Its confidence is that of a word that was not heard."""
    decoder = Decoder(recogniser.graph, DecodeOptions(lattice_beam=10.0))
    (first,) = (word for word, i in {w: i for i, w in decoder.words.items()}.items() if i == 1)
    loglikes = recogniser.loglikes(1, 50)
    lattice, ids = decoder.lattice(loglikes), {word: i for i, word in decoder.words.items()}
    for words in (["UNHEARD", "NO"], [first, "UNHEARD"]):
        known = KnownWords({"a": words}, lambda words, loglikes: [], POINT, decoder)
        expected = lattice.confidences([ids.get(word, 10**6) for word in words], POINT)
        assert known("a", loglikes).confidences == expected


def test_a_network_with_other_pdfs_is_one_sentence(recogniser: Any) -> None:
    recognise = GraphRecogniser(Decoder(recogniser.graph, DecodeOptions()), POINT, None, False)
    with pytest.raises(UserError, match=f"{recogniser.pdfs + 1} outputs, the graph {recogniser.pdfs} pdfs"):
        recognise("a", np.zeros((5, recogniser.pdfs + 1), np.float32))


def test_greedy_words_are_as_sure_as_the_product_of_their_tokens() -> None:
    path, sure = [0, 1, 2, 2, 0, 3, 1, 3], [0.9, 0.9, 0.5, 0.8, 0.9, 0.7, 0.9, 0.6]
    posteriors = np.array(
        [[p if token == best else (1 - p) / 3 for token in range(4)] for best, p in zip(path, sure, strict=True)]
    )
    hyp = GreedyRecogniser([BLANK, BEGIN, "A", "B"], True, True)("a", np.log(posteriors).astype(np.float32))
    assert hyp.words == ["AB", "B"]
    assert hyp.spans == [(2, 6), (7, 8)]
    assert hyp.confidences == pytest.approx([0.8 * 0.7, 0.6])
