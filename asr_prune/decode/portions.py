"""What is decoded of a set is kept in portions, so that an interrupted decoding goes on with the rest.

A portion is a stretch of whole batches of the network, so that its log-likelihoods are the same
whether or not the others are computed. `0000.jsonl.gz` has a line per utterance and a last one with
the seconds in the network and the digest of `0000.lat.gz`, the lattices.
"""

from __future__ import annotations

import gzip
import json
import logging
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from asr_prune.acoustic.priors import utterance_batches
from asr_prune.decode.lattice_archive import writing_lattices
from asr_prune.decode.lattice_set import Searched
from asr_prune.decode.network_scores import NetworkScores
from asr_prune.files import atomic, digest

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
class PortionStore:
    """The portions of a set that are done, in `folder`.

    names: utterances of each portion; lattices: whether they come with their lattices. Everything
    in the folder must come from the same network, features, graph and options: the runner removes
    it before a decoding of anything else begins.
    """

    folder: Path
    names: Sequence[Sequence[str]]
    lattices: bool

    def missing(self) -> list[int]:
        """The numbers of the portions to decode; damaged ones are reported, and among them."""
        return [number for number in range(len(self.names)) if not self._whole(number)]

    def write(self, number: int, results: Iterable[tuple[str, Searched]], scores: NetworkScores) -> None:
        """Writes a portion completely or not at all.

        results: in order; scores: what they were found in. Raises UserError as `atomic`.
        """
        kept = self._lattices(number)
        with atomic(self._lines(number), "wb") as file, _zipped(file) as lines:
            with writing_lattices(kept) if self.lattices else nullcontext() as write:
                for utt, found in results:
                    if write and found.lattice:
                        write(utt, found.lattice)
                    lines.write(_line([utt, asdict(replace(found, lattice=None))]))
            kept_digest = digest(kept) if self.lattices else ""
            lines.write(_line({"forward": scores.seconds, "lattices": kept_digest}))

    def read(self, number: int) -> Iterator[tuple[str, Searched]]:
        """Yields (utterance, what was found, without its lattice) of a portion that is done."""
        for row in self._rows(number):
            if isinstance(row, list):
                utt, found = row
                yield utt, Searched(**found)

    def forward(self) -> float:
        """Seconds in the network, of all portions."""
        return sum(self._end(number)["forward"] for number in range(len(self.names)))

    def copy_lattices(self, out: Path) -> None:
        """Writes the lattices of all portions, each a member of one gzip file."""
        with atomic(out, "wb") as file:
            for number in range(len(self.names)):
                with self._lattices(number).open("rb") as part:
                    shutil.copyfileobj(part, file)

    def _whole(self, number: int) -> bool:
        """Whether a portion is there and undamaged."""
        path = self._lines(number)
        if not path.is_file():
            return False
        try:
            *found, end = self._rows(number)
            names = [utt for utt, _ in found]
            kept = digest(self._lattices(number)) if self.lattices else ""
            if names == list(self.names[number]) and end["lattices"] == kept:
                return True
            reason: object = "it is not complete"
        except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError) as error:
            reason = error
        log.warning("  %s is damaged (%s); its %d utterances are decoded again", path, reason, len(self.names[number]))
        return False

    def _rows(self, number: int) -> Iterator[Any]:
        with gzip.open(self._lines(number), "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)

    def _end(self, number: int) -> Any:
        *_, end = self._rows(number)
        return end

    def _lines(self, number: int) -> Path:
        return self.folder / f"{number:04d}.jsonl.gz"

    def _lattices(self, number: int) -> Path:
        return self.folder / f"{number:04d}.lat.gz"


def _zipped(file: IO[bytes]) -> gzip.GzipFile:
    """gzip at its fastest, without a time, so that equal content gives equal bytes."""
    return gzip.GzipFile("", "wb", 1, file, mtime=0)


def _line(content: object) -> bytes:
    return (json.dumps(content) + "\n").encode()
