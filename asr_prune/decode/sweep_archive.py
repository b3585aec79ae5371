"""The words of kept lattices at each LM weight and word insertion penalty."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from asr_prune.decode.lattice_archive import members, read_lattices
from asr_prune.decode.options import Point
from asr_prune.decode.words_files import Words
from asr_prune.errors import UserError
from asr_prune.files import atomic, scratch_dir
from asr_prune.lang.symbols import read_symbols
from asr_prune.progress import track
from asr_prune.spread.executor import executor
from asr_prune.spread.task import Task


def sweep_archive(archive: Path, graph: Path, points: Sequence[Point], nj: int = 1) -> Words:
    """Words at each of `points`, by utterance, from an archive of lattices of `lattice_set`.

    nj: processes, if the command has not chosen other machines. Raises UserError, with the
    utterance, if the archive is missing, damaged or of another graph.
    """
    spans = members(archive)
    with scratch_dir(archive) as folder, executor(nj) as workers:
        tasks = [
            Task(
                f"weighting {archive}, part {number} of {len(spans)}",
                f"{__name__}:sweep_part",
                {"archive": archive, "graph": graph, "points": points, "span": span},
                folder / f"{number}.json",
            )
            for number, span in enumerate(spans, 1)
        ]
        for _ in track(workers.run(tasks), len(tasks), f"weighting {archive}, parts"):
            pass
        parts = [json.loads(task.output.read_text(encoding="utf-8")) for task in tasks]
    rows = [row for part in parts for row in part]
    return {point: {utt: words[i] for utt, words in rows} for i, point in enumerate(points)}


def sweep_part(archive: Path, graph: Path, points: Sequence[Point], span: tuple[int, int], out: Path) -> None:
    """A task: writes [utterance, words at each point] of the lattices in some bytes of an archive."""
    symbols = graph / "words.txt"
    words = _words(symbols, symbols.stat().st_mtime_ns if symbols.is_file() else 0)
    rows = []
    for utt, lattice in read_lattices(archive, span):
        try:
            rows.append([utt, [[words[i] for i in ids] for ids, _ in lattice.sweep(points)]])
        except (ValueError, KeyError) as error:
            reason = f"word {error} is not in {symbols}" if isinstance(error, KeyError) else error
            raise UserError(f"{archive}: {utt}: {reason}; rerun the decode stage.") from error
    with atomic(out) as file:
        json.dump(rows, file)


@lru_cache(maxsize=1)
def _words(symbols: Path, changed: int) -> dict[int, str]:
    """By id; a worker reads them once. changed: the time of the file, in nanoseconds."""
    return {i: word for word, i in read_symbols(symbols).items()}
