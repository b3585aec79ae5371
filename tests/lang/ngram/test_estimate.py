from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = "ABCDE"
texts = st.lists(st.lists(st.sampled_from("ABCD"), min_size=1, max_size=7), min_size=1, max_size=12)
ANY = Callable[..., list]


class Slow:
    """Chen and Goodman 1998, sections 2.4 and 3 (equations 8 and 24 to 26), word by word."""

    def __init__(self, sentences: list[list[str]], order: int, smoothing: str) -> None:
        self.order, self.wb = order, smoothing == "witten_bell"
        self.words = [*WORDS, "</s>"]
        self.seen: Counter[tuple[str, ...]] = Counter()
        for sentence in sentences:
            line = ["<s>", *sentence, "</s>"]
            for n in range(1, order + 1):
                self.seen.update(tuple(line[i : i + n]) for i in range(len(line) - n + 1))

    def c(self, gram: tuple[str, ...]) -> int:
        if gram == ("<s>",):
            return 0
        if self.wb or len(gram) == self.order:
            return self.seen[gram]
        return sum((word, *gram) in self.seen for word in ("<s>", *self.words)) or self.seen[gram]

    def discounts(self, n: int) -> list[float]:
        """D1, D2, D3+; one discount for all; or none, which stands for Witten-Bell."""
        counts = Counter(self.c(gram) for gram in self.seen if len(gram) == n)
        n1, n2, n3, n4 = (counts[i] for i in (1, 2, 3, 4))
        if self.wb or n1 == 0 or n2 == 0:
            return []
        y = n1 / (n1 + 2 * n2)
        if n3 == 0 or n4 == 0 or 2 - 3 * y * n3 / n2 <= 0 or 3 - 4 * y * n4 / n3 <= 0:
            return [y] * 3
        return [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]

    def p(self, word: str, history: tuple[str, ...]) -> float:
        lower = self.p(word, history[1:]) if history else 1 / len(self.words)
        followers = {w: c for w in self.words if (c := self.c((*history, w)))}
        total = sum(followers.values())
        if not total:
            return lower
        d = self.discounts(len(history) + 1)
        if not d:
            return (followers.get(word, 0) + len(followers) * lower) / (total + len(followers))
        taken = {w: d[min(c, 3) - 1] for w, c in followers.items()}
        own = followers[word] - taken[word] if word in followers else 0.0
        return own / total + sum(taken.values()) / total * lower


@pytest.mark.parametrize("smoothing", ["kneser_ney", "witten_bell"])
@settings(max_examples=25)
@given(sentences=texts, order=st.integers(1, 4))
def test_every_probability_is_chen_and_goodmans(
    model: ANY, p: Callable[..., float], histories: ANY, sentences: list[list[str]], order: int, smoothing: str
) -> None:
    made, _ = model(sentences, WORDS, order, smoothing)
    slow = Slow(sentences, order, smoothing)
    for history in histories("ABE", order - 1):
        for word in slow.words:
            assert p(made, word, history) == pytest.approx(slow.p(word, history), rel=1e-9)


@pytest.mark.parametrize("smoothing", ["kneser_ney", "witten_bell"])
@settings(max_examples=25)
@given(sentences=texts, order=st.integers(1, 4))
def test_probabilities_after_any_history_sum_to_one(
    model: ANY, p: Callable[..., float], histories: ANY, sentences: list[list[str]], order: int, smoothing: str
) -> None:
    made, _ = model(sentences, WORDS, order, smoothing)
    for history in histories("ABE", min(order, 3)):
        assert sum(p(made, word, history) for word in (*WORDS, "</s>")) == pytest.approx(1, abs=1e-9)


def test_a_text_long_enough_has_three_discounts(model: ANY) -> None:
    """1 x E, 2 x D, 3 x C, 4 x B at the end of sentences of one word: n1 = n2 = n3 = n4 = 1."""
    made, _ = model([["E"], *[["D"]] * 2, *[["C"]] * 3, *[["B"]] * 4], WORDS, 2, "kneser_ney")
    y = 1 / 3  # of the bigrams n1 = 2, n2 = 2, n3 = 2, n4 = 2: <s> w and w </s> alike
    own = (3 - (3 - 4 * y)) / 10
    taken = ((1 - 2 * y) + (2 - 3 * y) + 2 * (3 - 4 * y)) / 10
    # below: B, C, D, E after one word each, </s> after four; n1 = 4 and n2 = 0, so Witten-Bell: (1 + 5 / 6) / 13
    listed = made.orders[1]
    at = next(i for i, w in enumerate(listed.word) if made.words[w] == "C" and listed.history[i] == 0)
    assert listed.log_p[at] == pytest.approx(math.log(own + taken * (1 + 5 / 6) / 13))
