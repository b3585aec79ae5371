"""Questions about phones, made by clustering them (Kaldi: cluster-phones, compile-questions; cluster-utils.cc)."""

from __future__ import annotations

import numpy as np

from asr_prune.hmm.gmm import Doubles
from asr_prune.hmm.tying.stats import TreeStats, log_likelihood
from asr_prune.lang.lang import Lang
from asr_prune.lang.lexicon import POSITIONS

TRIES = 10
SWEEPS = 20

Question = tuple[int, ...]


def phone_questions(
    stats: TreeStats, sets: list[list[int]], central: int, extra: list[list[int]], seed: int, pdf_class: int = 1
) -> list[Question]:
    """Sets of phones to ask for, sorted: the nodes of a binary clustering of `sets` from the top, and `extra`.

    Phones are compared by the frames of their state `pdf_class`, or of all states where none has it. As Kaldi's, but
    the halves are found from other random starts.
    """
    of_class = stats.events[:, 0] == pdf_class
    rows = of_class if of_class.any() else np.ones(len(of_class), bool)
    phones = stats.events[rows, 1 + central]
    sums = np.stack([stats.sums[rows][np.isin(phones, own)].sum(0) for own in sets])
    groups: list[list[int]] = []
    _split(sums, list(range(len(sets))), groups, np.random.default_rng(seed))
    found = {tuple(sorted(phone for i in group for phone in sets[i])) for group in groups}
    return sorted(found | {tuple(sorted(own)) for own in extra if own})


def _split(sums: Doubles, members: list[int], groups: list[list[int]], dice: np.random.Generator) -> None:
    """Notes `members` and all halves of halves."""
    groups.append(members)
    if len(members) < 2:
        return
    side = _halves(sums[members], dice)
    for part in (False, True):
        _split(sums, [member for member, own in zip(members, side, strict=True) if own == part], groups, dice)


def _halves(sums: Doubles, dice: np.random.Generator) -> np.ndarray:
    """The better of some two-way clusterings, boolean [members], neither side empty."""
    best, side = -np.inf, np.zeros(len(sums), bool)
    for _ in range(TRIES):
        start = np.zeros(len(sums), bool)
        start[dice.permutation(len(sums))[: len(sums) // 2]] = True
        value = _refine(sums, start)
        if value > best:
            best, side = value, start
    return side


def _refine(sums: Doubles, side: np.ndarray) -> float:
    """Moves members, in place, while a move makes the two sides fit better; returns how well they fit."""
    both = np.stack([sums[~side].sum(0), sums[side].sum(0)])
    value = float(log_likelihood(both).sum())
    for _ in range(SWEEPS):
        moved = False
        for i in range(len(sums)):
            if np.count_nonzero(side == side[i]) == 1:
                continue
            change = sums[i] * (1 if side[i] else -1)
            tried = both + np.stack([change, -change])
            better = float(log_likelihood(tried).sum())
            if better > value + 1e-9 * abs(value):
                side[i], both, value, moved = not side[i], tried, better, True
        if not moved:
            break
    return value


def extra_questions(lang: Lang) -> list[list[int]]:
    """Silence, speech, and, where phones are marked by their place in the word, each place (extra_questions.txt)."""
    speech = [phone for own in lang.shared for phone in own if phone not in lang.silence]
    names = {i: name for name, i in lang.phones.items()}
    groups = [[p for p in own if names[p].endswith(end)] for own in (speech, lang.silence) for end in POSITIONS]
    marked = all(names[phone].endswith(POSITIONS) for phone in speech)
    return [lang.silence, speech, *(group for group in groups if group and marked)]


def class_questions(stats: TreeStats) -> list[Question]:
    """Questions about the pdf class: the first one, the first two, ..."""
    return [tuple(range(i + 1)) for i in range(int(stats.events[:, 0].max()))]
