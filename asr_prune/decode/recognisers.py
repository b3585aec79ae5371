"""Recognisers: words of one utterance, optionally with their times and confidences."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asr_prune.decode.decoder import Decoder
from asr_prune.decode.greedy import greedy_words
from asr_prune.decode.options import Point
from asr_prune.decode.word_times import Timer, spelled_spans
from asr_prune.hmm.gmm import Floats
from asr_prune.hmm.phones import Span


@dataclass(frozen=True)
class Hypothesis:
    """The recognised words of an utterance.

    spans: frames [begin, end) of each word, empty if not requested or if the words do not fit the
    audio; confidences: 0 to 1, one per word, empty if not requested; frames: length of the
    utterance; finished: False if no path ended in a final state of the graph; seconds: CPU time.
    """

    words: list[str]
    spans: list[Span]
    confidences: list[float]
    frames: int
    finished: bool
    seconds: float


#: recognises (utterance, log-likelihoods float32 [frames, classes])
Recogniser = Callable[[str, Floats], Hypothesis]


class GraphRecogniser:
    """Searches a decoding graph.

    point: LM weight and word insertion penalty; timer: aligns the words, None for no times;
    confident: whether to compute confidences.
    """

    def __init__(
        self,
        decoder: Decoder,
        point: Point,
        timer: Timer | None,
        confident: bool,
    ) -> None:
        self.decoder, self.point = decoder, point
        self.timer, self.confident = timer, confident

    def __call__(self, utt: str, loglikes: Floats) -> Hypothesis:
        """Raises UserError as `Decoder.check`."""
        self.decoder.check(utt, loglikes)
        start = time.process_time()
        lattice = self.decoder.lattice(loglikes)
        ids = lattice.sweep([self.point])[0][0]
        words = [self.decoder.words[i] for i in ids]
        spans = self.timer(words, loglikes) if self.timer and words else []
        confident = self.confident and bool(words)
        confidences = lattice.confidences(ids, self.point) if confident else []
        seconds = time.process_time() - start
        finished = lattice.reached_final
        return Hypothesis(words, spans, confidences, len(loglikes), finished, seconds)


class KnownWords:
    """Aligns words that are already recognised, by utterance.

    decoder: None for no confidences; else its lattice gives them at `point`.
    """

    def __init__(
        self,
        words: Mapping[str, list[str]],
        timer: Timer,
        point: Point,
        decoder: Decoder | None,
    ) -> None:
        self.words, self.timer, self.point, self.decoder = words, timer, point, decoder
        self.ids = {word: i for i, word in decoder.words.items()} if decoder else {}

    def __call__(self, utt: str, loglikes: Floats) -> Hypothesis:
        """Raises UserError as `Decoder.check`."""
        start = time.process_time()
        words, confidences = self.words.get(utt, []), list[float]()
        if self.decoder and words:
            self.decoder.check(utt, loglikes)
            lattice = self.decoder.lattice(loglikes)
            ids = [self.ids.get(word, -1) for word in words]
            confidences = lattice.confidences(ids, self.point)
        spans = self.timer(words, loglikes) if words else []
        seconds = time.process_time() - start
        return Hypothesis(words, spans, confidences, len(loglikes), True, seconds)


class GreedyRecogniser:
    """Greedy CTC decoding.

    symbols: text of each token, the blank first; timed, confident: whether times and confidences
    are requested. The confidence of a word is the product over its tokens of the highest posterior
    of each.
    """

    def __init__(self, symbols: Sequence[str], timed: bool, confident: bool) -> None:
        self.symbols, self.timed, self.confident = symbols, timed, confident

    def __call__(self, utt: str, loglikes: Floats) -> Hypothesis:
        """loglikes: log posteriors of tokens, not divided by priors."""
        start, path = time.process_time(), loglikes.argmax(-1)
        words, highest = greedy_words(loglikes, self.symbols), np.exp(loglikes.max(-1))
        spelled = spelled_spans(path, self.symbols)
        spans = [span for _, span in spelled if self.timed]
        confidences = [_product(highest, tokens) for tokens, _ in spelled if self.confident]
        seconds = time.process_time() - start
        return Hypothesis(words, spans, confidences, len(path), True, seconds)


def _product(values: Floats, spans: Sequence[Span]) -> float:
    """The product of the highest value within each span."""
    return float(np.prod([values[begin:end].max() for begin, end in spans]))
