"""The words of overlapping stretches of a recording, joined so that none is lost or doubled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from asr_prune.decode.recognisers import Hypothesis
from asr_prune.transcribe.transcript import Word, timed_words

#: a word, and from when to when in the file it is, seconds, also where the word says no times
Placed = tuple[Word, float, float]

_NEAR = 1.0  # seconds from a border: half of the context
_TOLERANCE = 0.03  # seconds by which two alignments of one word differ


def placed(hyp: Hypothesis, start: float, shift: float, timed: bool) -> list[Placed]:
    """The words of a stretch whose audio begins at `start` seconds; those without a time are evenly
    spread.

    shift: seconds between frames; timed: whether the words are to say their times.
    """
    words = timed_words(hyp if timed else replace(hyp, spans=[]), start, shift)
    each = hyp.frames / max(1, len(words))
    evenly = [(i * each, (i + 1) * each) for i in range(len(words))]
    spans: Sequence[tuple[float, float]] = hyp.spans if len(hyp.spans) == len(words) else evenly
    pairs = zip(words, spans, strict=True)
    return [(word, start + a * shift, start + b * shift) for word, (a, b) in pairs]


def joined(heard: Iterable[Sequence[Placed]], borders: Sequence[float | None]) -> Iterator[list[Word]]:
    """Yields the words of each stretch up to its borders, as soon as they are known.

    heard: the words of each stretch, with those in its context; borders: seconds at which it begins
    if it overlaps with the one before it, else None. Words of a stretch wait for the next one only
    if they overlap.
    """
    held = list[Placed]()
    for words, before, after in zip(heard, borders, [*borders[1:], None], strict=True):
        own = list(words)
        if before is not None:
            kept, own = at_border(held, own, before)
            yield [word for word, _, _ in kept]
        if after is None:
            yield [word for word, _, _ in own]
        held = own


def at_border(left: list[Placed], right: list[Placed], border: float) -> tuple[list[Placed], list[Placed]]:
    """The words of `left` and those of `right` that follow them, both in order of time.

    They are joined at the word that both have at the same time, the one nearest to `border`. If
    there is none, at the nearest time at which neither is within a word; if that fails too, at the
    end of the last word of `left` that is mostly in front of the border.
    """
    if same := _same(left, right):
        i, j = min(same, key=lambda pair: abs(_middle(left[pair[0]]) - border))
        return left[: i + 1], right[j + 1 :]
    both = [*left, *right]
    if between := [time for time in _edges(both, border) if not _within(time, both)]:
        border = min(between, key=lambda time: abs(time - border))
    kept = [one for one in left if _middle(one) < border]
    if not between and kept:
        border = kept[-1][2]
    return kept, [one for one in right if _middle(one) >= border]


def _same(left: list[Placed], right: list[Placed]) -> list[tuple[int, int]]:
    """Pairs of one word, at times that have half of the shorter one in common."""
    pairs = list[tuple[int, int]]()
    for i, (word, begin, end) in enumerate(left):
        for j, (other, start, stop) in enumerate(right):
            common = min(end, stop) - max(begin, start)
            if word.text == other.text and common > min(end - begin, stop - start) / 2:
                pairs.append((i, j))
    return pairs


def _edges(words: list[Placed], border: float) -> list[float]:
    """The border and the edges of words near it, where both stretches have context."""
    times = [border, *(time for _, *times in words for time in times)]
    return [time for time in times if abs(time - border) <= _NEAR]


def _within(time: float, words: Sequence[Placed]) -> bool:
    return any(begin + _TOLERANCE < time < end - _TOLERANCE for _, begin, end in words)


def _middle(one: Placed) -> float:
    return (one[1] + one[2]) / 2
