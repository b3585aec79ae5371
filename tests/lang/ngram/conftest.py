"""Small texts, and the probabilities of a model one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import pytest

from asr_prune.lang.ngram.counts import count_ngrams
from asr_prune.lang.ngram.estimate import estimate_ngrams
from asr_prune.lang.ngram.model import BackOff
from asr_prune.lang.ngram.text import OOV_ID, Vocabulary, encode_text

Sentences = list[list[str]]
Words = tuple[str, ...]


def _model(sentences: Sentences, words: str, order: int, smoothing: str) -> tuple[BackOff, list[np.ndarray]]:
    vocabulary = Vocabulary.of(words)
    counts = count_ngrams(encode_text(sentences, vocabulary).ids, order, len(vocabulary.words))
    return estimate_ngrams(counts, vocabulary.words, smoothing)[0], [own.times for own in counts]


def _p(model: BackOff, word: str, history: Words) -> float:
    ids = [model.words.index(w) for w in (*history, word)]
    return math.exp(model.log_p(np.array([OOV_ID, *ids]))[-1])


def _histories(words: str, longest: int) -> Iterator[Words]:
    for n in range(longest + 1):
        yield from product(words, repeat=n)
        yield from (("<s>", *rest) for rest in product(words, repeat=n))


@pytest.fixture(scope="session")
def model() -> Callable[[Sentences, str, int, str], tuple[BackOff, list[np.ndarray]]]:
    """Estimates a model of sentences over words of one letter; and how often its n-grams occur."""
    return _model


@pytest.fixture(scope="session")
def p() -> Callable[[BackOff, str, Words], float]:
    """p(word | history), with nothing before the history."""
    return _p


@pytest.fixture(scope="session")
def histories() -> Callable[[str, int], list[Words]]:
    """All histories of up to so many words, and with `<s>` before them."""
    return lambda words, longest: list(_histories(words, longest))
