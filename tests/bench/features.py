"""CPU seconds of feature extraction by each backend: python tests/bench/features.py DATA [ROUNDS]

DATA is a data directory with wav.scp. Extracts MFCC and CMVN statistics in one process, the
backends in turn; prints the least seconds of ROUNDS and the ratio to `list`, which is the native
backend with its samples passed as a list, as before version 0.2. `read` only reads the audio.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.datadir import DataDir
from asr_prune.features import compute
from asr_prune.features.extract import extract
from asr_prune.features.options import HmmFeatureOptions


def by_backend(data: Path, backend: str) -> None:
    with tempfile.TemporaryDirectory() as out:
        extract(data, Path(out), HmmFeatureOptions(backend=backend))  # type: ignore[arg-type]


def by_list(data: Path) -> None:
    fast = compute.array
    compute.array = lambda _, samples: np.frombuffer(samples, np.float32).tolist()  # type: ignore
    by_backend(data, "native")
    compute.array = fast  # type: ignore


def read(data: Path) -> None:
    for place in DataDir.read(data).wavs.values():
        read_audio(place)


def seconds(task: Callable[[], None]) -> float:
    start = time.process_time()
    task()
    return time.process_time() - start


def main(data: str, rounds: str = "3") -> None:
    folder = Path(data)
    tasks: dict[str, Callable[[], None]] = {
        "list": lambda: by_list(folder),
        "native": lambda: by_backend(folder, "native"),
        "numpy": lambda: by_backend(folder, "numpy"),
        "read": lambda: read(folder),
    }
    least = dict.fromkeys(tasks, float("inf"))
    for _ in range(int(rounds)):
        for name, task in tasks.items():
            least[name] = min(least[name], seconds(task))
    for name, cpu in least.items():
        print(f"{name:8}{cpu:7.2f} s CPU{cpu / least['list']:7.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
