"""Long recordings cut where they are quietest, so that what is decoded at once stays short."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

#: seconds of a piece at most, unless something else is asked, and the least that may be asked
LONGEST, SHORTEST = 30.0, 3.0
#: seconds over which loudness is measured, half of them on each side of a cut: shorter than a pause between sentences
WINDOW = 0.3
#: seconds of a step from one place to the next where a cut may be
STEP = 0.01
#: seconds that stay for a last piece at least
LAST = 1.0


def cut(blocks: Iterable[np.ndarray], rate: int, longest: float) -> Iterator[tuple[int, np.ndarray]]:
    """Cuts a recording into pieces of at most `longest` seconds (SHORTEST or more): yields (its first sample, samples).

    blocks: the samples, float32 [samples] one after the other; how they are divided changes nothing. Put together, the
    pieces are the recording. A recording that is short enough is one piece. Of any other, each piece but the last has
    more than half of `longest`, and ends where within the rest of it the mean energy of WINDOW seconds is least, at the
    first such place; where nothing is quiet a word may be cut.
    """
    limit, reserve, begin = int(longest * rate), int(LAST * rate), 0
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) > limit + reserve:
            at = quietest(held, rate, limit // 2, limit)
            yield begin, held[:at]
            begin, held = begin + at, held[at:]
    if len(held) > limit:
        at = quietest(held, rate, limit // 2, len(held) - reserve)
        yield begin, held[:at]
        begin, held = begin + at, held[at:]
    if len(held):
        yield begin, held


def quietest(samples: np.ndarray, rate: int, first: int, last: int) -> int:
    """The place from sample `first` to `last` about which WINDOW seconds have the least energy, the first of several;
    what lies beyond the edges of `samples` counts as silence.
    """
    step, around = int(STEP * rate), round(WINDOW / STEP / 2)
    places = np.arange(first, last + 1, step)
    steps = np.arange(-around, len(places) - 1 + around)[:, None] * step + first + np.arange(step)
    inside = (steps >= 0) & (steps < len(samples))
    energies = np.where(inside, samples[steps.clip(0, len(samples) - 1)].astype(np.float64) ** 2, 0.0).sum(axis=1)
    return int(places[np.argmin(np.convolve(energies, np.ones(2 * around), "valid"))])
