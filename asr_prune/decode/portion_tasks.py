"""Portions of a set that are searched on other machines, each by a task that writes its files."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from asr_prune.decode.portion_files import Portions
from asr_prune.files import atomic, scratch_dir
from asr_prune.progress import track
from asr_prune.spread.executor import Executor
from asr_prune.spread.task import Task

#: does the portion with this number
DoPortion = Callable[[int], None]


def do_portions(portion: DoPortion, store: Portions, missing: Sequence[int], label: str, workers: Executor) -> None:
    """Does the missing portions of `store` with `workers`.

    portion: with all that it refers to; it is written to a file that the workers read once. label:
    of the progress. Raises UserError as the search does, and as `Executor.run`.
    """
    import cloudpickle  # of Dask; closures cannot be pickled without it

    with scratch_dir(store.folder) as folder:
        shared = folder / "portion"
        with atomic(shared, "wb") as file:
            cloudpickle.dump(portion, file)
        tasks = [
            Task(
                f"{label} in {store.folder}, portion {number + 1} of {len(store.names)}",
                f"{__name__}:do_portion",
                {"shared": shared, "number": number},
                store.file(number),
            )
            for number in missing
        ]
        for _ in track(workers.run(tasks), len(tasks), f"{label}, portions"):
            pass


def do_portion(shared: Path, number: int, out: Path) -> None:
    """A task: a portion, whose last file is `out`."""
    _portion(shared)(number)


@lru_cache(maxsize=1)
def _portion(shared: Path) -> DoPortion:
    """Loaded once in each process: with it comes the graph."""
    portion: DoPortion = pickle.loads(shared.read_bytes())
    return portion
