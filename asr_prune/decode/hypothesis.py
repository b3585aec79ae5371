"""One utterance at a time to words, with their times and confidences where these are asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asr_prune.decode.greedy import greedy_words
from asr_prune.decode.search import Decoder
from asr_prune.decode.word_times import Timer, spelled_spans
from asr_prune.hmm.gmm import Floats
from asr_prune.hmm.phones import Span


@dataclass(frozen=True)
class Hypothesis:
    """words; spans: frames of each word, none where they were not asked for or the words do not fit the audio;
    confidences: of each word, from 0 to 1, none where they were not asked for; frames: of the whole; finished: False
    where no path ended in a final state of the graph; seconds: of the processor.
    """

    words: list[str]
    spans: list[Span]
    confidences: list[float]
    frames: int
    finished: bool
    seconds: float


#: utterance's name and log-likelihoods float32 [frames, classes]
Recogniser = Callable[[str, Floats], Hypothesis]


class GraphRecogniser:
    """Searches a graph; point: LM weight and word penalty; timer: what aligns the words found, None for no times."""

    def __init__(self, decoder: Decoder, point: tuple[float, float], timer: Timer | None, confident: bool) -> None:
        self.decoder, self.point, self.timer, self.confident = decoder, point, timer, confident

    def __call__(self, utt: str, loglikes: Floats) -> Hypothesis:
        """Raises UserError as `Decoder.check`."""
        self.decoder.check(utt, loglikes)
        start = time.process_time()
        lattice = self.decoder.lattice(loglikes)
        ids = lattice.sweep([self.point])[0][0]
        words = [self.decoder.words[i] for i in ids]
        spans = self.timer(words, loglikes) if self.timer and words else []
        sure = lattice.confidences(ids, self.point) if self.confident and words else []
        return Hypothesis(words, spans, sure, len(loglikes), lattice.reached_final, time.process_time() - start)


class KnownWords:
    """Words that are known already, by utterance, aligned by `timer`; with a decoder, also how sure its lattice is of
    them at `point`.
    """

    def __init__(
        self, words: Mapping[str, list[str]], timer: Timer, point: tuple[float, float], decoder: Decoder | None
    ) -> None:
        self.words, self.timer, self.point, self.decoder = words, timer, point, decoder
        self.ids = {word: i for i, word in decoder.words.items()} if decoder else {}

    def __call__(self, utt: str, loglikes: Floats) -> Hypothesis:
        """Raises UserError as `Decoder.check`."""
        start, words, sure = time.process_time(), self.words.get(utt, []), list[float]()
        if self.decoder and words:
            self.decoder.check(utt, loglikes)
            lattice = self.decoder.lattice(loglikes)
            sure = lattice.confidences([self.ids.get(word, -1) for word in words], self.point)
        spans = self.timer(words, loglikes) if words else []
        return Hypothesis(words, spans, sure, len(loglikes), True, time.process_time() - start)


class GreedyRecogniser:
    """Spells the likeliest token of each frame; symbols: what tokens spell, the blank first; timed, confident:
    whether times and confidences are asked for.

    The confidence of a word is the product, over its tokens, of the highest posterior that each has.
    """

    def __init__(self, symbols: Sequence[str], timed: bool, confident: bool) -> None:
        self.symbols, self.timed, self.confident = symbols, timed, confident

    def __call__(self, utt: str, loglikes: Floats) -> Hypothesis:
        """loglikes: log posteriors of tokens, priors not divided out."""
        start, path = time.process_time(), loglikes.argmax(-1)
        words, sure = greedy_words(loglikes, self.symbols), np.exp(loglikes.max(-1))
        found = spelled_spans(path, self.symbols)
        spans = [span for _, span in found if self.timed]
        confidences = [_product(sure, tokens) for tokens, _ in found if self.confident]
        return Hypothesis(words, spans, confidences, len(path), True, time.process_time() - start)


def _product(sure: Floats, tokens: Sequence[Span]) -> float:
    """Of the highest value within each of some spans of frames."""
    return float(np.prod([sure[begin:end].max() for begin, end in tokens]))
