from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from asr_prune.lang.ngram.model import BackOff
from asr_prune.lang.ngram.prune import prune_ngrams

WORDS = "ABCDE"
ANY = Callable[..., list]
Listed = dict[tuple[str, ...], float]
texts = st.lists(st.lists(st.sampled_from("ABCD"), min_size=1, max_size=7), min_size=1, max_size=12)


def listed(model: BackOff) -> list[list[tuple[str, ...]]]:
    """The n-grams of each order, in words."""
    found: list[list[tuple[str, ...]]] = [[(word,) for word in model.words]]
    for own in model.orders[1:]:
        pairs = zip(own.history, own.word, strict=True)
        found.append([(*found[-1][h], model.words[w]) for h, w in pairs])
    return found


@settings(max_examples=40)
@given(sentences=texts, order=st.integers(2, 4), share=st.floats(0, 1))
def test_pruned_model_has_the_requested_size_and_sums_to_one(
    model: ANY, p: Callable[..., float], histories: ANY, sentences: list[list[str]], order: int, share: float
) -> None:
    whole, times = model(sentences, WORDS, order, "kneser_ney")
    total = sum(len(own.word) for own in whole.orders[1:])
    small = prune_ngrams(whole, times, int(share * total))
    kept = [set(grams) for grams in listed(small)]
    assert sum(map(len, kept[1:])) == int(share * total)
    for shorter, longer in pairwise(kept):
        assert {gram[:-1] for gram in longer} | {gram[1:] for gram in longer} <= shorter
    for gram in [gram for grams in kept for gram in grams if gram != ("<s>",)]:
        assert p(small, gram[-1], gram[:-1]) == pytest.approx(p(whole, gram[-1], gram[:-1]))
    for history in histories("ABC", min(order - 1, 2)):
        assert sum(p(small, word, history) for word in (*WORDS, "</s>")) == pytest.approx(1, abs=1e-9)


def without(model: BackOff, p: Callable[..., float], gram: tuple[str, ...], shorter: list[str]) -> Listed:
    """p' after the history of a removed n-gram, from the definition of a back-off model."""
    *history, last = gram
    rest = [word for word in shorter if word != last]
    unlisted = [word for word in (*WORDS, "</s>") if word not in rest]
    free = 1 - sum(p(model, word, tuple(history)) for word in rest)
    lower = {word: p(model, word, tuple(history[1:])) for word in unlisted}
    weight = free / sum(lower.values())
    return {(word,): weight * lower[word] for word in unlisted}


@settings(max_examples=40)
@given(sentences=texts, order=st.integers(2, 3))
def test_the_first_to_go_costs_the_least_relative_entropy(
    model: ANY, p: Callable[..., float], sentences: list[list[str]], order: int
) -> None:
    whole, times = model(sentences, WORDS, order, "kneser_ney")
    grams = listed(whole)
    total = sum(map(len, grams[1:]))
    used = {part for longer in grams[2:] for gram in longer for part in (gram[:-1], gram[1:])}
    occurs = {gram: int(n) for found, own in zip(grams, times, strict=True) for gram, n in zip(found, own, strict=True)}
    cost: Listed = {}
    for gram in (gram for longer in grams[1:] for gram in longer if gram not in used):
        followers = [other[-1] for other in grams[len(gram) - 1] if other[:-1] == gram[:-1]]
        assume(len(followers) < len(WORDS) + 1)
        changed = without(whole, p, gram, followers)
        own = {word: p(whole, word[0], gram[:-1]) for word in changed}
        entropy = sum(own[word] * math.log(own[word] / changed[word]) for word in changed)
        cost[gram] = occurs[gram[:-1]] / times[0].sum() * entropy
    small = [set(found) for found in listed(prune_ngrams(whole, times, total - 1))]
    (gone,) = [gram for found, kept in zip(grams, small, strict=True) for gram in found if gram not in kept]
    assert cost[gone] == pytest.approx(min(cost.values()), abs=1e-12)


def test_pruning_to_nothing_leaves_the_unigrams(model: ANY, p: Callable[..., float]) -> None:
    whole, times = model([["A", "B"], ["B", "C"]], WORDS, 3, "kneser_ney")
    small = prune_ngrams(whole, times, 0)
    assert [len(own.word) for own in small.orders] == [7, 0, 0]
    assert p(small, "B", ("<s>", "A")) == pytest.approx(p(whole, "B", ()))
    assert np.all(small.orders[0].log_weight == 0)
