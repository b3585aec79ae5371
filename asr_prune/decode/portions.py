"""What is decoded of a set is kept in portions, so that an interrupted decoding goes on with the
rest.

A portion is a stretch of whole batches of the network, so that its log-likelihoods are the same
whether or not the others are computed. `0000.jsonl.gz` has a line per utterance and a last one with
the seconds in the network and the digest of `0000.lat.gz`, the lattices.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from asr_prune.decode.lattice_archive import writing_lattices
from asr_prune.decode.lattice_set import Searched
from asr_prune.decode.network_scores import NetworkScores
from asr_prune.decode.portion_files import Portions, line, zipped
from asr_prune.files import atomic, digest


@dataclass(frozen=True)
class PortionStore(Portions):
    """What a network's search finds. lattices: whether it comes with its lattices."""

    lattices: bool

    def is_whole(self, number: int, rows: Sequence[Any], end: Any) -> bool:
        kept = digest(self._lattices(number)) if self.lattices else ""
        return [utt for utt, _ in rows] == list(self.names[number]) and end["lattices"] == kept

    def write(self, number: int, results: Iterable[tuple[str, Searched]], scores: NetworkScores) -> None:
        """Writes a portion completely or not at all.

        results: in order; scores: what they were found in. Raises UserError as `atomic`.
        """
        kept = self._lattices(number)
        with atomic(self.file(number), "wb") as file, zipped(file) as lines:
            with writing_lattices(kept) if self.lattices else nullcontext() as write:
                for utt, found in results:
                    if write and found.lattice:
                        write(utt, found.lattice)
                    lines.write(line([utt, asdict(replace(found, lattice=None))]))
            kept_digest = digest(kept) if self.lattices else ""
            lines.write(line({"forward": scores.seconds, "lattices": kept_digest}))

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

    def _end(self, number: int) -> Any:
        *_, end = self._rows(number)
        return end

    def _lattices(self, number: int) -> Path:
        return self.folder / f"{number:04d}.lat.gz"
