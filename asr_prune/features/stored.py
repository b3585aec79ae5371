"""Features that are read from their archives on access, so that a set may be larger than memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from asr_prune.features.archive import REMEDY, places_of, read_place, rows_of_places
from asr_prune.features.places import Place

#: (utterance, matrix as stored) -> features for a model, with as many frames
_Process = Callable[[str, np.ndarray], np.ndarray]
_Places = dict[str, Place]


class Archived(Mapping[str, np.ndarray]):
    """Arrays by utterance, read on access; `frames`, of each utterance, are known without that."""

    frames: Mapping[str, int]

    @abstractmethod
    def __contains__(self, utterance: object) -> bool:
        """Without reading an array, as Mapping's own would."""


class Stored(Archived):
    """float32 [frames, dim] by utterance, read from an archive and processed on each access.

    Nothing is cached. Several threads may read at once.
    """

    def __init__(self, places: _Places, process: _Process, remedy: str = REMEDY) -> None:
        """places: by utterance; remedy: against a damaged archive."""
        self.places, self.process, self.remedy = places, process, remedy

    @classmethod
    def open(cls, scp: Path, process: _Process) -> Stored:
        """The matrices of `scp`. Raises UserError if it is missing or has a pipe."""
        return cls(places_of(scp), process)

    def __getitem__(self, utterance: str) -> np.ndarray:
        """Raises UserError if the archive is missing or damaged."""
        return self.process(utterance, read_place(self.places[utterance], utterance, self.remedy))

    def __contains__(self, utterance: object) -> bool:
        return utterance in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def frames(self) -> dict[str, int]:  # type: ignore[override]
        """Number of frames of each utterance, from the matrices' headers."""
        return rows_of_places(self.places, self.remedy)

    def only(self, names: Iterable[str]) -> Stored:
        """The same features of these utterances alone."""
        return Stored({name: self.places[name] for name in names}, self.process, self.remedy)

    def then(self, step: _Process) -> Stored:
        """The same features, further processed by `step`, which keeps the number of frames."""
        first = self.process
        return Stored(self.places, lambda utterance, raw: step(utterance, first(utterance, raw)), self.remedy)

    def __or__(self, other: Stored) -> Stored:
        """The utterances of both; `other` overrides utterances that both have."""
        process = _Either(self.process, other.process, frozenset(other.places))
        return Stored(self.places | other.places, process, self.remedy)


@dataclass(frozen=True)
class _Either:
    """The first step, or the second for the utterances `overrides`."""

    first: _Process
    second: _Process
    overrides: frozenset[str]

    def __call__(self, utterance: str, raw: np.ndarray) -> np.ndarray:
        return (self.second if utterance in self.overrides else self.first)(utterance, raw)


class Computed(Archived):
    """Arrays computed on each access from others, with as many frames.

    arrays: by utterance; step: (utterance, array) -> array.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], step: _Process) -> None:
        self.arrays, self.step, self.frames = arrays, step, frames_of(arrays)

    def __getitem__(self, utterance: str) -> np.ndarray:
        return self.step(utterance, self.arrays[utterance])

    def __contains__(self, utterance: object) -> bool:
        return utterance in self.arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)


def frames_of(arrays: Mapping[str, np.ndarray]) -> Mapping[str, int]:
    """Number of frames of each utterance; arrays that are archived are not read."""
    if isinstance(arrays, Archived):
        return arrays.frames
    return {utterance: len(array) for utterance, array in arrays.items()}
