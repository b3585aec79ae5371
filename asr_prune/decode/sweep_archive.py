"""The words of kept lattices at each LM weight and word insertion penalty."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from asr_prune.decode.lattice import Lattice
from asr_prune.decode.lattice_archive import members, read_lattices
from asr_prune.decode.options import Point
from asr_prune.decode.words_files import Words
from asr_prune.errors import UserError
from asr_prune.files import atomic, scratch_dir
from asr_prune.lang.symbols import read_symbols
from asr_prune.progress import track
from asr_prune.spread.executor import Executor, elsewhere
from asr_prune.spread.processes import each
from asr_prune.spread.task import Task

#: words at each point
_Swept = list[list[str]]


def sweep_archive(archive: Path, graph: Path, points: Sequence[Point], nj: int = 1) -> Words:
    """Words at each of `points`, by utterance, from an archive of lattices of `lattice_set`.

    nj: processes, if the command has not chosen other machines. Raises UserError, with the
    utterance, if the archive is missing, damaged or of another graph.
    """
    found: Iterable[tuple[str, _Swept]]
    if (workers := elsewhere()) and archive.is_file():
        found = _elsewhere(archive, graph, points, workers)
    else:
        found = each(_Sweep(archive, graph, points, _ids(graph)), read_lattices(archive), nj)
    swept = dict(found)
    return {point: {utt: words[i] for utt, words in swept.items()} for i, point in enumerate(points)}


def _ids(graph: Path) -> dict[int, str]:
    """Words by id."""
    return {i: word for word, i in read_symbols(graph / "words.txt").items()}


@dataclass(frozen=True)
class _Sweep:
    """ids: words by id."""

    archive: Path
    graph: Path
    points: Sequence[Point]
    ids: Mapping[int, str]

    def __call__(self, utt: str, lattice: Lattice) -> _Swept:
        try:
            return [[self.ids[i] for i in words] for words, _ in lattice.sweep(self.points)]
        except (ValueError, KeyError) as error:
            unknown = isinstance(error, KeyError)
            reason = f"word {error} is not in {self.graph}/words.txt" if unknown else error
            raise UserError(f"{self.archive}: {utt}: {reason}; rerun the decode stage.") from error


def _elsewhere(archive: Path, graph: Path, points: Sequence[Point], workers: Executor) -> Iterator[tuple[str, _Swept]]:
    """Tasks of the portions of which the archive is made."""
    spans = members(archive)
    with scratch_dir(archive) as folder:
        common = {"archive": archive, "graph": graph, "points": points}
        tasks = [
            Task(
                f"weighting {archive}, part {number} of {len(spans)}",
                f"{__name__}:sweep_part",
                {**common, "span": span},
                folder / f"{number}.json",
            )
            for number, span in enumerate(spans, 1)
        ]
        for _ in track(workers.run(tasks), len(tasks), f"weighting {archive}, parts"):
            pass
        for task in tasks:
            yield from json.loads(task.output.read_text(encoding="utf-8"))


def sweep_part(archive: Path, graph: Path, points: Sequence[Point], span: tuple[int, int], out: Path) -> None:
    """A task: writes [utterance, words at each point] of the lattices in some bytes of an archive."""
    work = _Sweep(archive, graph, points, _known_ids(graph, (graph / "words.txt").stat().st_mtime_ns))
    rows = [[utt, work(utt, lattice)] for utt, lattice in read_lattices(archive, span)]
    with atomic(out) as file:
        json.dump(rows, file)


@lru_cache(maxsize=1)
def _known_ids(graph: Path, changed: int) -> dict[int, str]:
    """As `_ids`, read once; changed: the time, in nanoseconds."""
    return _ids(graph)
