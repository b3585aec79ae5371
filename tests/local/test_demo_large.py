"""The large demo corpus: plain words of CMU's dictionary, equal sentences from equal seeds, disjoint from the LM's."""

from __future__ import annotations

import importlib.util
import itertools
from collections import Counter

import pytest
from asr_prune.local.demo_large_text import FOLLOWERS, FREQUENT, LENGTH, OFTEN, Writer, dictionary

from asr_prune.errors import UserError

WORDS = [f"W{number}" for number in range(2000)] + FREQUENT.split()


def test_sentences_depend_on_the_seed_alone() -> None:
    first, again, other = (Writer(WORDS, 1).sentences(50, [seed]) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert all(LENGTH[0] <= len(words) <= LENGTH[1] for words in first)


def test_words_follow_zipf_and_have_followers() -> None:
    sentences = Writer(WORDS, 1).sentences(20_000, [3])
    counts = Counter(word for words in sentences for word in words)
    assert {word for word, _ in counts.most_common(5)} < set(FREQUENT.split())
    assert len(counts) > 1500
    followers: dict[str, Counter[str]] = {}
    for words in sentences:
        for word, following in itertools.pairwise(words):
            followers.setdefault(word, Counter())[following] += 1
    often = followers["THE"].most_common(FOLLOWERS)
    assert sum(count for _, count in often) > OFTEN * followers["THE"].total()


def test_without_pocketsphinx_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'asr_prune\[demo_large\]'"):
        dictionary()


def test_the_dictionary_has_plain_words_and_39_phones() -> None:
    if importlib.util.find_spec("pocketsphinx") is None:
        pytest.skip("pocketsphinx (extra demo_large) is not installed")
    entries = dictionary()
    assert len({word for word, _ in entries}) > 100_000
    assert len({phone for _, phones in entries for phone in phones}) == 39
    assert ("HOUSE", ("HH", "AW", "S")) in entries
