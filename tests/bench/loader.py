"""How fast features in shards are read and shuffled, alone and for a network, and what memory that takes: `python
tests/bench/loader.py FOLDER --hours 100`.

Writes a set of random features and labels of that many hours to FOLDER, 40 columns, in utterances of 12 seconds, unless
it is there already, and goes through it as training does, in chunks, two of which take `--memory` gigabytes. The
network is timed over whole chunks, from the first batch of one to that of another, `--changes` chunks later: less
`--memory` makes that shorter. The memory printed is that of the process without the pages of mapped files, which the
system takes back when it needs them.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.chunks import Chunks
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.hooks import Hooks
from asr_prune.acoustic.in_memory import InMemory
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.train import Trainer
from asr_prune.features.shards import write_shards
from asr_prune.features.stored import Stored
from asr_prune.run_dir import RunDir

FRAMES, COLUMNS, PDFS = 1200, 40, 4000


def matrices(utterances: int) -> Iterator[tuple[str, np.ndarray]]:
    """Random features; drawn from one long row, since drawing would take longest."""
    pool = np.random.default_rng(0).standard_normal(FRAMES * COLUMNS + 10_000).astype(np.float32)
    for i in range(utterances):
        start = i * 7919 % 10_000
        yield f"u{i:07d}", pool[start : start + FRAMES * COLUMNS].reshape(FRAMES, COLUMNS)


def held() -> float:
    """Megabytes of the process that no file backs."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1000


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--memory", type=float, default=0.25)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--changes", type=int, default=2, help="of chunks while the network is timed")
    parser.add_argument("--nodes", type=int, default=1024)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


class TimedChunks(Chunks):
    """Chunks that note how long each read takes, in seconds, and how many were begun."""

    def __init__(self, *arguments: Any) -> None:
        self.reads: list[float] = []
        self.begun = 0
        super().__init__(*arguments)

    def _read(self, group: list[int]) -> InMemory:
        started = time.perf_counter()
        chunk = super()._read(group)
        self.reads.append(time.perf_counter() - started)
        return chunk

    def _read_ahead(self, groups: Sequence[list[int]]) -> Iterator[InMemory]:
        for chunk in super()._read_ahead(groups):
            self.begun += 1
            yield chunk
            del chunk  # its memory is for the one after the next


def chunks(options: argparse.Namespace) -> TimedChunks:
    """The set in FOLDER, which is written first if it is not there."""
    utterances = math.ceil(options.hours * 360_000 / FRAMES)
    stem, started = options.folder / f"hours{options.hours:g}" / "feats", time.perf_counter()
    if not stem.with_suffix(".scp").is_file():
        more = write_shards(stem, matrices(utterances))
        print(f"{len(more) + 1} shards written in {time.perf_counter() - started:.0f} s")
    started = time.perf_counter()
    features = Stored.open(stem.with_suffix(".scp"), lambda _, raw: raw)
    labels = {name: np.broadcast_to(np.int32(i % PDFS), FRAMES) for i, name in enumerate(features)}
    made = TimedChunks(FrameSet, features, labels, (5, 5), round(options.memory * 1e9), options.device)
    print(f"{len(made):,} frames in {made.chunks} chunks, opened in {time.perf_counter() - started:.1f} s")
    return made


def alone(data: Chunks, batch: int) -> None:
    """Prints the rate of the loader, and the memory after every tenth of the pass."""
    order, started, done, marks = torch.Generator().manual_seed(1), time.perf_counter(), 0, []
    begun = time.process_time()
    total = data.batch_count(batch)
    for inputs, _ in data.batches(batch, order):
        done += 1
        if done % max(1, total // 10) == 0:
            marks.append(held())
        assert inputs.shape == (batch, data.inputs)
    seconds, busy = time.perf_counter() - started, time.process_time() - begun
    rates = f"{done * batch / seconds:,.0f} frames/s, {done * batch / busy:,.0f} by CPU time"
    print(f"loader alone: {rates}, MB after each tenth: {[round(m) for m in marks]}", flush=True)


def with_network(data: TimedChunks, options: argparse.Namespace) -> None:
    """Prints the rate of updates over whole chunks, how long one is read ahead and trained, and how long the host is
    in the loader: where a chunk begins, and for all other batches.
    """
    torch.manual_seed(0)
    network = make(NetworkOptions(hidden=(options.nodes,) * 6), data.inputs, PDFS).to(options.device)
    train = TrainOptions(epochs=1000, batch=options.batch, tensorboard=False)
    trainer = Trainer(network.train(), train, data, data.first, Hooks(), 1, RunDir(options.folder))
    batches = data.batches(options.batch, torch.Generator().manual_seed(1))
    data.reads.clear()
    batch, updates, at_changes, within = next(batches), 0, list[float](), 0.0  # the first is not read ahead
    started, begun = time.perf_counter(), time.process_time()
    while len(at_changes) < options.changes:
        trainer._update(*batch)
        before, chunk = time.perf_counter(), data.begun
        batch, updates = next(batches), updates + 1
        taken = time.perf_counter() - before
        if data.begun > chunk:
            at_changes.append(taken)
        else:
            within += taken
    if options.device == "cuda":
        torch.cuda.synchronize()
    seconds, busy = time.perf_counter() - started, time.process_time() - begun
    frames, changes, ahead = updates * options.batch, options.changes, statistics.mean(data.reads[1:])
    rates = f"{frames / seconds:,.0f} frames/s, {frames / busy:,.0f} by CPU time"
    shares = [100 * taken / seconds for taken in (sum(at_changes), within)]
    parts = f"{shares[0]:.2f} % at {changes} changes of chunks, {shares[1]:.2f} % for all other batches"
    print(f"6 x {options.nodes}: {rates}, {updates} updates; in the loader {parts}; {held():.0f} MB")
    print(f"a chunk is read ahead in {ahead:.2f} s and trained in {seconds / changes:.2f} s")


if __name__ == "__main__":
    given = parsed()
    examples = chunks(given)
    if examples.chunks <= given.changes:
        sys.exit(f"{examples.chunks} chunks change less than {given.changes} times; give less --memory or more --hours")
    alone(examples, given.batch)
    with_network(examples, given)
