"""Spreading work in pieces: other processes do them, and share files with this one.

A piece is what a float sum is made of: a batch of utterances, a block of frames of a pdf, a
speaker. Pieces are joined in their order, so that no bit depends on the number of processes.
"""

from __future__ import annotations

import pickle
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.files import atomic, scratch_dir
from asr_prune.progress import track
from asr_prune.spread.executor import Executor, elsewhere, executor
from asr_prune.spread.task import Task, find_job

#: runs of pieces: not more than about this many, each of enough frames to be worth a task
_MOST_RUNS = 1024


class PieceWorkers:
    """Does pieces with an executor; folder: for the files in between, seen by all its processes."""

    def __init__(self, executor: Executor, folder: Path) -> None:
        self.executor, self.folder = executor, folder
        self._numbers = count()
        self._stored: dict[int, tuple[weakref.ref[np.ndarray], Path]] = {}

    def map(
        self,
        function: str,
        pieces: Sequence[Mapping[str, Any]],
        common: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        label: str = "",
    ) -> Iterator[Any]:
        """Yields the results of all pieces, in their order.

        function: "module:function", called with `common`, `arrays` and each of `pieces` by name;
        label: of the progress, "" for none.
        """
        for path in self.files(function, pieces, common, arrays, label):
            yield result_of(path)
            path.unlink()

    def files(
        self,
        function: str,
        pieces: Sequence[Mapping[str, Any]],
        common: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        label: str = "",
    ) -> Iterator[Path]:
        """As `map`, the files of the results, for `result_of`. They last as long as the folder."""
        number, name = next(self._numbers), function.rpartition(":")[2]
        of = self.folder.name.removeprefix(".").partition(".")[0]
        shared = self.folder / f"{number}.common"
        with atomic(shared, "wb") as file:
            pickle.dump(dict(common), file)
        places = {key: self._place(array) for key, array in arrays.items()}
        tasks = [
            Task(
                f"{of}: {name}, part {i} of {len(pieces)}",
                "asr_prune.spread.pieces:do_piece",
                {"function": function, "common": shared, "arrays": places, "piece": piece},
                self.folder / f"{number}.{i}",
            )
            for i, piece in enumerate(pieces, 1)
        ]
        done = self.executor.run(tasks)
        yield from _in_order(track(done, len(tasks), label) if label else done, tasks)
        shared.unlink()

    def _place(self, array: np.ndarray) -> Path:
        """A file of the array, which lasts as long as the array."""
        known = self._stored.get(id(array))
        if known and known[0]() is array:
            return known[1]
        path = self.folder / f"{next(self._numbers)}.npy"
        with atomic(path, "wb") as file:
            np.save(file, array)
        self._stored[id(array)] = weakref.ref(array), path
        weakref.finalize(array, path.unlink, missing_ok=True)
        return path


def _in_order(done: Iterator[Task], tasks: Sequence[Task]) -> Iterator[Path]:
    waiting, finished = iter(tasks), set[Path]()
    due = next(waiting, None)
    for task in done:
        finished.add(task.output)
        while due is not None and due.output in finished:
            finished.remove(due.output)
            yield due.output
            due = next(waiting, None)


def do_piece(
    function: str,
    common: Path,
    arrays: Mapping[str, Path],
    piece: Mapping[str, Any],
    out: Path,
) -> None:
    """A task: writes the result of a piece to `out`. Arguments as in `PieceWorkers.map`, in files."""
    opened = {name: _opened(path) for name, path in arrays.items()}
    result = find_job(function)(**_common(common), **opened, **piece)
    with atomic(out, "wb") as file:
        pickle.dump(result, file, pickle.HIGHEST_PROTOCOL)


def result_of(path: Path) -> Any:
    """What a piece has given."""
    return pickle.loads(path.read_bytes())


@lru_cache(maxsize=2)
def _common(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = result_of(path)
    return content


@lru_cache(maxsize=4)
def _opened(path: Path) -> np.ndarray:
    """Mapped into memory: only what is read of it is loaded."""
    return np.asarray(np.load(path, mmap_mode="r"))


@contextmanager
def piece_workers(nj: int, out: Path) -> Iterator[PieceWorkers | None]:
    """What spreads the work on `out`, with its files beside that; None for this process alone."""
    if nj == 1 and elsewhere() is None:
        yield None
        return
    with scratch_dir(out) as folder, executor(nj) as chosen:
        yield PieceWorkers(chosen, folder)


def runs(sizes: Sequence[int], least: int) -> list[range]:
    """Consecutive runs of pieces of these sizes: of at least `least` together, except the last one,
    and not more than about _MOST_RUNS. They do not depend on the number of processes.
    """
    found, begin, total = list[range](), 0, 0
    enough = max(least, sum(sizes) // _MOST_RUNS)
    for i, size in enumerate(sizes, 1):
        total += size
        if total >= enough or i == len(sizes):
            found.append(range(begin, i))
            begin, total = i, 0
    return found
