"""Pieces of a recording with the audio around them, where they are cut within speech."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np

from asr_prune.transcribe.pauses import Excerpt, is_pause

#: seconds of the neighbours on each side of a cut within speech: several words
CONTEXT = 2.0


@dataclass(frozen=True)
class Stretch:
    """A piece of a recording, and what is heard with it.

    begin: index of its first sample; before: samples in front of it that belong to the piece before
    it, 0 if they do not overlap; own: its samples; heard: those with the context on both sides,
    float32 [samples].
    """

    begin: int
    before: int
    own: np.ndarray
    heard: np.ndarray


def stretches(pieces: Iterable[Excerpt], rate: int, longest: float) -> Iterator[Stretch]:
    """Each piece (index of its first sample, samples), with two seconds of those that it touches
    where there is no pause between them.

    longest: seconds of a piece; a quarter of it is the most context, so that no three overlap. At
    most three pieces are in memory.
    """
    size, none = int(min(CONTEXT, longest / 4) * rate), np.zeros(0, np.float32)
    before = none
    for (begin, own), (following, after) in pairwise(chain(pieces, [(0, none)])):
        apart = begin + len(own) != following or is_pause(own, after, rate)
        ahead = none if apart else after[:size]
        yield Stretch(begin, len(before), own, np.concatenate([before, own, ahead]))
        before = own[-size:] if len(ahead) else none
