"""The demo corpus's language model: an ARPA file estimated from the training text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from asr_prune.files import atomic

START, END = "<s>", "</s>"
NEVER = -99.0  # ARPA's log10(0)


def unigram(texts: list[list[str]], vocabulary: Iterable[str]) -> dict[str, float]:
    """Witten-Bell probabilities of the vocabulary and </s>, interpolated with the uniform ones."""
    words = sorted({*vocabulary, END})
    counts = Counter(word for text in texts for word in [*text, END])
    total, types = sum(counts.values()), len(counts)
    return {word: (counts[word] + types / len(words)) / (total + types) for word in words}


def bigram(texts: list[list[str]], lower: dict[str, float]) -> tuple[dict[tuple[str, str], float], dict[str, float]]:
    """Witten-Bell p(word | history) of the seen pairs, and the back-off weight of each history.

    p(w | h) = (c(h w) + T(h) p(w)) / (c(h) + T(h)), where T(h) is the number of distinct words seen
    after h (Witten and Bell 1991; interpolated as in Chen and Goodman 1999). The back-off weight is
    T(h) / (c(h) + T(h)).
    """
    pairs = Counter(pair for text in texts for pair in zip([START, *text], [*text, END], strict=True))
    totals: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for (history, _), count in pairs.items():
        totals[history] += count
        types[history] += 1
    weights = {history: types[history] / (totals[history] + types[history]) for history in totals}
    seen = {}
    for (h, w), count in pairs.items():
        seen[h, w] = count / (totals[h] + types[h]) + weights[h] * lower[w]
    return seen, weights


def write_arpa(path: Path, texts: list[list[str]], vocabulary: Iterable[str], order: int) -> None:
    """Writes a back-off model of order 1 or 2 in ARPA format.

    Raises UserError if `path` cannot be written.
    """
    lower = unigram(texts, vocabulary)
    pairs, weights = bigram(texts, lower) if order == 2 else ({}, {})
    ones = [_line(math.log10(p), word, weights.get(word)) for word, p in lower.items()]
    ones.insert(0, _line(NEVER, START, weights.get(START)))
    twos = [_line(math.log10(p), " ".join(pair), None) for pair, p in sorted(pairs.items())]
    sections = [("1-grams", ones)] + [("2-grams", twos)] * (order == 2)
    with atomic(path) as file:
        file.write("\\data\\\n" + "".join(f"ngram {name[0]}={len(lines)}\n" for name, lines in sections))
        for name, lines in sections:
            file.write(f"\n\\{name}:\n" + "".join(lines))
        file.write("\n\\end\\\n")


def _line(log10: float, words: str, weight: float | None) -> str:
    return f"{log10:.7f}\t{words}" + (f"\t{math.log10(weight):.7f}" if weight else "") + "\n"
