"""A model made small: the n-grams that tell least are left out."""

from __future__ import annotations

import numpy as np

from asr_prune.lang.ngram.model import BackOff, NGrams


def prune_ngrams(model: BackOff, times: list[np.ndarray], ngrams: int) -> BackOff:
    """The model with its `ngrams` most telling n-grams of order 2 and above (fewer where it has fewer).

    times: of each order, how often each n-gram occurs. An n-gram's worth is the relative entropy that leaving it out
    alone would cost (Stolcke 1998), with p(h) from `times`, which suits Kneser-Ney better than its own lower orders
    (Chelba et al. 2010), or that of a longer one whose history or suffix it is, where that is more.
    """
    worth = _with_longer(model.orders, [_worth(model.orders, times, n) for n in range(1, len(model.orders))])
    flat = np.concatenate([np.empty(0), *worth])
    keep = np.zeros(len(flat), bool)
    keep[np.argsort(-flat, kind="stable")[:ngrams]] = True
    ends = np.cumsum([len(part) for part in worth], dtype=np.int64)
    kept = [np.ones(len(model.words), bool), *np.split(keep, ends)[:-1]]
    return BackOff(model.words, [_reduced(model.orders, kept, n) for n in range(len(kept))])


def _worth(orders: list[NGrams], times: list[np.ndarray], n: int) -> np.ndarray:
    """Stolcke's D(p || p') for each n-gram of order n + 1, in nats per token."""
    own, size = orders[n], len(orders[n - 1].word)
    low, log_weight = orders[n - 1].log_p[own.suffix], orders[n - 1].log_weight[own.history]
    unlisted_low = _unlisted(own.history, np.exp(low), size)[own.history]
    unlisted = np.exp(log_weight) * unlisted_low
    new_weight = np.log((unlisted + np.exp(own.log_p)) / (unlisted_low + np.exp(low)))
    change = np.exp(own.log_p) * (low + new_weight - own.log_p) + unlisted * (new_weight - log_weight)
    return -times[n - 1][own.history] / times[0].sum() * change


def _unlisted(history: np.ndarray, p: np.ndarray, size: int) -> np.ndarray:
    """float64 [size]: of each history, 1 less the `p` of the words listed after it."""
    return np.maximum(1 - np.bincount(history, p, size), 0)


def _with_longer(orders: list[NGrams], worth: list[np.ndarray]) -> list[np.ndarray]:
    for n in reversed(range(1, len(worth))):
        np.maximum.at(worth[n - 1], orders[n + 1].history, worth[n])
        np.maximum.at(worth[n - 1], orders[n + 1].suffix, worth[n])
    return worth


def _reduced(orders: list[NGrams], kept: list[np.ndarray], n: int) -> NGrams:
    own, keep = orders[n], kept[n]
    weight = _reweighted(orders, kept, n) if n + 1 < len(orders) else own.log_weight
    history, suffix = (np.cumsum(kept[n - 1])[part] - 1 if n else part for part in (own.history, own.suffix))
    return NGrams(history[keep], suffix[keep], own.word[keep], own.log_p[keep], weight[keep])


def _reweighted(orders: list[NGrams], kept: list[np.ndarray], n: int) -> np.ndarray:
    """Back-off weights with which the words after each history have probability 1 in all again."""
    own, longer, gone = orders[n], orders[n + 1], ~kept[n + 1]
    low, size = np.exp(own.log_p[longer.suffix]), len(own.word)
    left = np.bincount(longer.history[~gone], minlength=size) > 0
    lost = np.bincount(longer.history[gone], minlength=size) > 0
    unlisted_low = _unlisted(longer.history, low, size)
    mass = np.exp(own.log_weight) * unlisted_low + np.bincount(longer.history[gone], np.exp(longer.log_p[gone]), size)
    mass_low = unlisted_low + np.bincount(longer.history[gone], low[gone], size)
    weight = np.where(left, own.log_weight, 0.0)
    changed = left & lost
    weight[changed] = np.log(mass[changed] / mass_low[changed])
    return weight
