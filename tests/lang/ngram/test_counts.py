from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.lang.ngram.counts import NGramCounts, count_ngrams
from asr_prune.lang.ngram.text import Vocabulary, encode_text

NONE = NGramCounts(*[np.zeros(0, np.int64)] * 4)
texts = st.lists(st.lists(st.sampled_from("ABCDX"), min_size=1, max_size=6), min_size=1, max_size=8)


def spelled(found: list[NGramCounts], n: int, i: int) -> tuple[int, ...]:
    """The words of the i-th n-gram, from its histories."""
    own = found[n - 1]
    return (*(spelled(found, n - 1, own.history[i]) if n > 1 else ()), int(own.word[i]))


@given(texts, st.integers(1, 5))
def test_windows_are_counted_and_none_spans_a_word_outside_the_vocabulary(
    sentences: list[list[str]], order: int
) -> None:
    vocabulary = Vocabulary.of("ABCD")
    found = count_ngrams(encode_text(sentences, vocabulary).ids, order, 6)
    for n in range(1, order + 1):
        slow: Counter[tuple[int, ...]] = Counter()
        for sentence in sentences:
            line = [vocabulary.ids.get(word, -1) for word in ("<s>", *sentence, "</s>")]
            slow.update(tuple(line[i : i + n]) for i in range(len(line) - n + 1))
        own = found[n - 1] if n <= len(found) else NONE
        fast = {spelled(found, n, i): int(times) for i, times in enumerate(own.times) if times}
        assert fast == {gram: times for gram, times in slow.items() if -1 not in gram}
        for i in range(len(own.word) if n > 1 else 0):
            assert spelled(found, n - 1, own.suffix[i]) == spelled(found, n, i)[1:]
