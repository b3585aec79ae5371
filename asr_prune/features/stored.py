"""Features that stay in their archives until they are asked for, so that a set may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from asr_prune.features.archive import MEND, places_of, read_place, rows_of_places

#: (utterance, matrix as stored) -> what a model sees of it, of as many frames
Dress = Callable[[str, np.ndarray], np.ndarray]
Places = dict[str, tuple[str, int]]


class Archived(Mapping[str, np.ndarray]):
    """Arrays by utterance that are read when they are asked for. frames: of each utterance, known without reading."""

    frames: Mapping[str, int]


class Stored(Archived):
    """float32 [frames, dim] by utterance, read at its place in an archive and made ready by `dress` each time it is
    asked for; nothing is kept. May be asked by several threads.
    """

    def __init__(self, places: Places, dress: Dress, mend: str = MEND) -> None:
        """places: archive and offset by utterance; mend: what helps where an archive is damaged."""
        self.places, self.dress, self.mend = places, dress, mend

    @classmethod
    def open(cls, scp: Path, dress: Dress) -> Stored:
        """The matrices that `scp` names. Raises UserError where it is missing or an entry is a pipe."""
        return cls(places_of(scp), dress)

    def __getitem__(self, utterance: str) -> np.ndarray:
        """Raises UserError where the archive is missing or damaged."""
        return self.dress(utterance, read_place(*self.places[utterance], utterance, self.mend))

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def frames(self) -> dict[str, int]:  # type: ignore[override]
        """Of each utterance, from the matrices' headers."""
        return rows_of_places(self.places, self.mend)

    def under(self, more: Dress) -> Stored:
        """The same, put through `more` as well, which keeps the number of frames."""
        own = self.dress
        return Stored(self.places, lambda utterance, raw: more(utterance, own(utterance, raw)), self.mend)

    def __or__(self, other: Stored) -> Stored:
        """The utterances of both; those of `other` where both have one."""
        one, two = self.dress, other.dress
        theirs = other.places.keys()

        def dress(utterance: str, raw: np.ndarray) -> np.ndarray:
            return (two if utterance in theirs else one)(utterance, raw)

        return Stored(self.places | other.places, dress, self.mend)


def frames_of(arrays: Mapping[str, np.ndarray]) -> Mapping[str, int]:
    """Frames of each utterance, without reading those that are archived."""
    if isinstance(arrays, Archived):
        return arrays.frames
    return {utterance: len(own) for utterance, own in arrays.items()}
