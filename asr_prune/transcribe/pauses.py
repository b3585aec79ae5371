"""Pauses in speech, by its loudness over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice

import numpy as np

#: a part of a recording: index of its first sample, and its samples, float32 in the range of int16
Excerpt = tuple[int, np.ndarray]
#: seconds of a pause that is left out of a long recording, and of it that is kept on each side
LONG_PAUSE, MARGIN = 0.8, 0.3
_WINDOW = 0.05  # seconds
_PAUSE = 3  # windows on each side of a pause's middle
_QUIET, _LOUD = 10, 95  # percentiles of the windows' levels
_SHARE = 0.25  # of the range between them that a pause may reach
_FLOOR = 1 / 12  # power of the rounding to int16
_NOTHING = 10 * np.log10(2 * _FLOOR)  # decibels, without any sound


def is_pause(left: np.ndarray, right: np.ndarray, rate: int) -> bool:
    """Whether the 0.3 seconds around the end of `left` and the start of `right` are quiet.

    Each 0.05 of them must be in the lowest quarter of the range of levels, in decibels, from the
    quiet to the loud parts of both: the 10th and the 95th percentile. float32 [samples] in the
    range of int16. The end of a recording, where `right` is empty, is quiet.
    """
    if not len(right):
        return True
    one, other = _levels(left[::-1], rate), _levels(right, rate)
    around = np.concatenate([one[:_PAUSE], other[:_PAUSE]])
    return bool(around.max() <= _threshold(np.concatenate([one, other])))


def without_pauses(pieces: Iterable[Excerpt], rate: int) -> Iterator[Excerpt]:
    """The pieces of a recording, (index of the first sample, samples), divided at pauses of 0.8
    seconds or more, of which 0.3 are kept on each side, or none where there is digital silence; a
    recording of one piece as it is.

    A pause is as quiet as for `is_pause`, measured on its piece. What is never quiet and what is
    quiet throughout stays one piece.
    """
    rest = iter(pieces)
    first = list(islice(rest, 2))
    if len(first) < 2:
        yield from first
        return
    for begin, samples in chain(first, rest):
        for a, b in _spoken(samples, rate):
            yield begin + a, samples[a:b]


def _spoken(samples: np.ndarray, rate: int) -> list[tuple[int, int]]:
    """First and last samples of what is between long pauses, with its margins."""
    levels, size = _levels(samples, rate), int(_WINDOW * rate)
    threshold, tail = _threshold(levels), samples[len(levels) * size :]
    levels = np.append(levels, _levels(tail, rate)) if len(tail) else levels
    spans, begin, at = list[tuple[int, int]](), 0, 0
    for quiet, windows in groupby((levels <= threshold).tolist()):
        start, at = at, at + len(list(windows))
        if quiet and at - start >= round(LONG_PAUSE / _WINDOW):
            margin = round(MARGIN / _WINDOW) if levels[start:at].max() > _NOTHING else 0
            spans += [(begin, min((start + margin) * size, len(samples)))] if start else []
            begin = len(samples) if at == len(levels) else (at - margin) * size
    return [*spans, (begin, len(samples))] if begin < len(samples) else spans or [(0, len(samples))]


def _threshold(levels: np.ndarray) -> float:
    quiet, loud = np.percentile(levels, (_QUIET, _LOUD))
    return float(quiet + _SHARE * (loud - quiet))


def _levels(samples: np.ndarray, rate: int) -> np.ndarray:
    """Decibels of whole windows from the start, at least one."""
    size = max(1, min(int(_WINDOW * rate), len(samples)))
    whole = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    return np.asarray(10 * np.log10(whole.var(axis=1) + _FLOOR))
