from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.hmm.tying.grow import Branch, grow
from asr_prune.hmm.tying.likelihood import log_likelihood
from asr_prune.hmm.tying.questions import Questions
from asr_prune.hmm.tying.stats import TreeStats


def best_question(stats: TreeStats, rows: np.ndarray, questions: Questions) -> tuple[float, int, tuple[int, ...]]:
    """(gain, key, values) of the first of the best, from the formula."""
    best: tuple[float, int, tuple[int, ...]] = (0.0, -1, ())
    total = log_likelihood(stats.moments[rows].sum(0))
    for key in (-1, 0, 1, 2):
        values = stats.classes[rows] if key < 0 else stats.windows[rows, key]
        if (values < 0).any():
            continue
        for question in questions.at(key):
            yes = np.isin(values, question)
            if yes.any() and not yes.all():
                parts = [stats.moments[rows[part]].sum(0) for part in (yes, ~yes)]
                gain = float(log_likelihood(np.array(parts)).sum() - total)
                if gain > best[0] * (1 + 1e-6):
                    best = gain, key, tuple(question)
    return best


def slow_grow(
    stats: TreeStats, roots: np.ndarray, num_roots: int, questions: Questions, leaves: int, thresh: float
) -> list[float]:
    """Gains of the splits in their order, searching all leaves before each."""
    waiting = [np.flatnonzero(roots == root) for root in range(num_roots)]
    gains: list[float] = []
    while len(waiting) < leaves:
        found = [best_question(stats, rows, questions) for rows in waiting]
        place = int(np.argmax([gain for gain, _, _ in found]))
        gain, key, values = found[place]
        if gain <= thresh:
            break
        rows = waiting.pop(place)
        yes = np.isin(stats.classes[rows] if key < 0 else stats.windows[rows, key], values)
        waiting += [rows[yes], rows[~yes]]
        gains.append(gain)
    return gains


def gains_of(branch: Branch) -> list[float]:
    return [branch.gain, *chain(*map(gains_of, branch.children))] if branch.children else []


def leaves_below(branch: Branch) -> list[int]:
    return list(chain(*map(leaves_below, branch.children))) if branch.children else [branch.leaf]


@pytest.mark.parametrize(("leaves", "thresh"), [(20, 300.0), (14, 0.0), (200, 500.0)])
def test_against_a_loop(walk: Any, leaves: int, thresh: float) -> None:
    stats, questions = walk.stats, walk.questions
    place = {phone: i for i, group in enumerate(walk.lang.shared) for phone in group}
    roots = np.array([place[phone] for phone in stats.phones.tolist()])
    branches, least = grow(stats, roots, len(walk.lang.shared), questions, leaves, thresh)
    found = list(chain(*map(gains_of, branches)))
    expected = slow_grow(stats, roots, len(walk.lang.shared), questions, leaves, thresh)
    np.testing.assert_allclose(sorted(found), sorted(expected), rtol=1e-9)
    assert least == pytest.approx(min(expected))
    below = sorted(chain(*map(leaves_below, branches)))
    assert below == list(range(len(walk.lang.shared) + len(found)))
    assert len(below) <= leaves


def test_every_branch_has_the_best_question(walk: Any) -> None:
    stats, questions = walk.stats, walk.questions
    waiting, _ = grow(stats, np.zeros(len(stats.classes), int), 1, questions, 12, 0.0)
    while waiting:
        branch = waiting.pop()
        gain, key, values = best_question(stats, branch.rows, questions)
        assert branch.gain == pytest.approx(gain)
        if branch.children:
            assert (branch.key, branch.values) == (key, values)
            assert sorted([*branch.children[0].rows, *branch.children[1].rows]) == branch.rows.tolist()
        waiting += branch.children


@settings(max_examples=40)
@given(seed=st.integers(0, 9999))
def test_nothing_is_asked_about_a_neighbour_that_some_events_lack(seed: int) -> None:
    """Phone 1 has no context, phones 2 and 3 are coloured by their left neighbour alone."""
    dice = np.random.default_rng(seed)
    events = [(0, -1, 1, -1), *((0, left, phone, 1) for left in (2, 3, 4) for phone in (2, 3))]
    windows = np.array(events, np.int32)
    x = windows[:, 1:2] * 5.0 + dice.normal(0, 0.1, (len(events), 2))
    frames = dice.integers(50, 200, (len(events), 1)).astype(float)
    stats = TreeStats(windows[:, 0], windows[:, 1:], np.hstack([frames, frames * x, frames * (1 + x**2)]), 1)
    questions = Questions([[1], [2], [3], [4], [2, 3]], [[0]])
    waiting, _ = grow(stats, np.zeros(len(events), int), 1, questions, 4, 0.0)
    while waiting:
        branch = waiting.pop()
        gain, key, values = best_question(stats, branch.rows, questions)
        assert branch.gain == pytest.approx(gain)
        if branch.children:
            assert (branch.key, branch.values) == (key, values)
        waiting += branch.children


def test_no_event_no_split() -> None:
    stats = TreeStats(np.zeros(0, np.int32), np.zeros((0, 3), np.int32), np.zeros((0, 5)), 1)
    branches, least = grow(stats, np.zeros(0, int), 2, Questions([[1]], [[0]]), 9, 0.0)
    assert [branch.children for branch in branches] == [[], []]
    assert least == np.inf
