"""Entropy pruning of back-off models."""

from __future__ import annotations

import numpy as np

from asr_prune.lang.ngram.model import BackOff, NGrams


def prune_ngrams(model: BackOff, times: list[np.ndarray], ngrams: int) -> BackOff:
    """Keeps the `ngrams` best n-grams of order 2 and above.

    times: occurrences of the n-grams of each order. n-grams are ranked by the relative entropy of
    the model without them (Stolcke 1998), with p(h) from `times`, which suits Kneser-Ney better
    than its lower orders (Chelba et al. 2010). An n-gram ranks at least as high as any longer one
    of which it is history or suffix.
    """
    orders = range(1, len(model.orders))
    costs = _with_longer(model.orders, [_entropy(model.orders, times, n) for n in orders])
    flat = np.concatenate([np.empty(0), *costs])
    keep = np.zeros(len(flat), bool)
    keep[np.argsort(-flat, kind="stable")[:ngrams]] = True
    ends = np.cumsum([len(part) for part in costs], dtype=np.int64)
    kept = [np.ones(len(model.words), bool), *np.split(keep, ends)[:-1]]
    return BackOff(model.words, [_reduced(model.orders, kept, n) for n in range(len(kept))])


def _entropy(orders: list[NGrams], times: list[np.ndarray], n: int) -> np.ndarray:
    """Stolcke's D(p || p') of removing each n-gram of order n + 1, in nats per token."""
    grams, size = orders[n], len(orders[n - 1].word)
    low, log_weight = orders[n - 1].log_p[grams.suffix], orders[n - 1].log_weight[grams.history]
    unlisted_low = _unlisted(grams.history, np.exp(low), size)[grams.history]
    unlisted = np.exp(log_weight) * unlisted_low
    new_weight = np.log((unlisted + np.exp(grams.log_p)) / (unlisted_low + np.exp(low)))
    listed_change = np.exp(grams.log_p) * (low + new_weight - grams.log_p)
    change = listed_change + unlisted * (new_weight - log_weight)
    return -times[n - 1][grams.history] / times[0].sum() * change


def _unlisted(history: np.ndarray, p: np.ndarray, size: int) -> np.ndarray:
    """1 minus the sum of `p` over the words listed after each history, float64 [size]."""
    return np.maximum(1 - np.bincount(history, p, size), 0)


def _with_longer(orders: list[NGrams], costs: list[np.ndarray]) -> list[np.ndarray]:
    for n in reversed(range(1, len(costs))):
        np.maximum.at(costs[n - 1], orders[n + 1].history, costs[n])
        np.maximum.at(costs[n - 1], orders[n + 1].suffix, costs[n])
    return costs


def _reduced(orders: list[NGrams], kept: list[np.ndarray], n: int) -> NGrams:
    """Order n + 1 with only the n-grams `kept`, reindexed."""
    grams, keep = orders[n], kept[n]
    weight = _reweighted(orders, kept, n) if n + 1 < len(orders) else grams.log_weight
    history, suffix = grams.history, grams.suffix
    if n:
        index = np.cumsum(kept[n - 1]) - 1
        history, suffix = index[history], index[suffix]
    return NGrams(history[keep], suffix[keep], grams.word[keep], grams.log_p[keep], weight[keep])


def _reweighted(orders: list[NGrams], kept: list[np.ndarray], n: int) -> np.ndarray:
    """Back-off weights that make the probabilities after each history sum to 1 again."""
    grams, longer, gone = orders[n], orders[n + 1], ~kept[n + 1]
    low, size = np.exp(grams.log_p[longer.suffix]), len(grams.word)
    left = np.bincount(longer.history[~gone], minlength=size) > 0
    lost = np.bincount(longer.history[gone], minlength=size) > 0
    unlisted_low = _unlisted(longer.history, low, size)
    removed = np.bincount(longer.history[gone], np.exp(longer.log_p[gone]), size)
    mass = np.exp(grams.log_weight) * unlisted_low + removed
    mass_low = unlisted_low + np.bincount(longer.history[gone], low[gone], size)
    weight = np.where(left, grams.log_weight, 0.0)
    changed = left & lost
    weight[changed] = np.log(mass[changed] / mass_low[changed])
    return weight
