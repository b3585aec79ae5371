"""Utterances without labels beside those that have some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from asr_prune.acoustic.examples import Utterances
from asr_prune.features.stored import Archived, frames_of

#: the label of a frame that has none
NO_LABEL = -1


class Both(Archived):
    """The arrays of two sets of other utterances, read on access."""

    def __init__(self, one: Utterances, other: Utterances) -> None:
        self.parts: tuple[Utterances, Utterances] = one, other
        self.frames: Mapping[str, int] = {**frames_of(one), **frames_of(other)}

    def __getitem__(self, name: str) -> np.ndarray:
        one, other = self.parts
        return one[name] if name in one else other[name]

    def __contains__(self, name: object) -> bool:
        return name in self.frames

    def __iter__(self) -> Iterator[str]:
        return iter(self.frames)

    def __len__(self) -> int:
        return len(self.frames)


class Unlabelled(Archived):
    """NO_LABEL for each frame of `features`, int32 [frames] by utterance."""

    def __init__(self, features: Utterances) -> None:
        self.frames = frames_of(features)

    def __getitem__(self, name: str) -> np.ndarray:
        return np.full(self.frames[name], NO_LABEL, np.int32)

    def __contains__(self, name: object) -> bool:
        return name in self.frames

    def __iter__(self) -> Iterator[str]:
        return iter(self.frames)

    def __len__(self) -> int:
        return len(self.frames)
