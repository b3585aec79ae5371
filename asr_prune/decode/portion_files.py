"""Files of what is done of a set, portion by portion, so that an interrupted search goes on.

A portion is a stretch of whole batches of a network, so that its log-likelihoods are the same
whether or not the others are computed. `0000.jsonl.gz` has a line for each utterance, and a last
one.
"""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from asr_prune.acoustic.batches import utterance_batches

log = logging.getLogger(__name__)

#: seconds of audio that a portion has at least
_SECONDS = 60.0
#: portions that a set has at most
_MOST = 200


def portions(frames: Mapping[str, int], frame_shift: float) -> list[list[str]]:
    """The utterances of each portion, in order; frames: by utterance; frame_shift: seconds."""
    least = max(_SECONDS / frame_shift, sum(frames.values()) / _MOST)
    made: list[list[str]] = []
    size = least
    for batch in utterance_batches(frames):
        if size >= least:
            made.append([])
            size = 0
        made[-1] += batch
        size += sum(frames[name] for name in batch)
    return made


@dataclass(frozen=True)
class Portions(ABC):
    """The portions of a set that are done, in `folder`.

    names: utterances of each portion. Everything in the folder must come from the same models,
    features, graph and options: the runner removes it before a search of anything else begins.
    """

    folder: Path
    names: Sequence[Sequence[str]]

    def missing(self) -> list[int]:
        """The numbers of the portions to do; damaged ones are reported, and among them."""
        return [number for number in range(len(self.names)) if not self._whole(number)]

    @abstractmethod
    def is_whole(self, number: int, rows: Sequence[Any], end: Any) -> bool:
        """Whether the rows of a portion and the line after them are complete."""

    def _whole(self, number: int) -> bool:
        """Whether a portion is there and undamaged."""
        path = self.file(number)
        if not path.is_file():
            return False
        try:
            *found, end = self._rows(number)
            if self.is_whole(number, found, end):
                return True
            reason: object = "it is not complete"
        except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError) as error:
            reason = error
        log.warning("  %s is damaged (%s); its %d utterances are decoded again", path, reason, len(self.names[number]))
        return False

    def _rows(self, number: int) -> Iterator[Any]:
        with gzip.open(self.file(number), "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)

    def file(self, number: int) -> Path:
        """The lines of a portion, which are written last."""
        return self.folder / f"{number:04d}.jsonl.gz"


def zipped(file: IO[bytes]) -> gzip.GzipFile:
    """gzip at its fastest, without a time, so that equal content gives equal bytes."""
    return gzip.GzipFile("", "wb", 1, file, mtime=0)


def line(content: object) -> bytes:
    """A line of JSON."""
    return (json.dumps(content) + "\n").encode()
