"""How fast features in shards are read and shuffled, alone and for a network, and what memory that takes: `python
tests/bench/loader.py FOLDER --hours 100`.

Writes a set of random features and labels of that many hours to FOLDER, 40 columns, in utterances of 12 seconds, unless
it is there already, and goes through it in chunks of `--memory` gigabytes as training does. The memory printed is that
of the process without the pages of mapped files, which the system takes back when it needs them.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.chunks import Chunks
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.hooks import Hooks
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
    parser.add_argument("--memory", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--updates", type=int, default=10, help="with the network")
    parser.add_argument("--nodes", type=int, default=1024)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def chunks(options: argparse.Namespace) -> Chunks:
    """The set in FOLDER, which is written first if it is not there."""
    utterances = math.ceil(options.hours * 360_000 / FRAMES)
    stem, started = options.folder / f"hours{options.hours:g}" / "feats", time.perf_counter()
    if not stem.with_suffix(".scp").is_file():
        more = write_shards(stem, matrices(utterances))
        print(f"{len(more) + 1} shards written in {time.perf_counter() - started:.0f} s")
    started = time.perf_counter()
    features = Stored.open(stem.with_suffix(".scp"), lambda _, raw: raw)
    labels = {name: np.broadcast_to(np.int32(i % PDFS), FRAMES) for i, name in enumerate(features)}
    made = Chunks(FrameSet, features, labels, (5, 5), round(options.memory * 1e9), options.device)
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


def with_network(data: Chunks, options: argparse.Namespace) -> None:
    """Prints the rate of updates, and the loader's part in it."""
    torch.manual_seed(0)
    network = make(NetworkOptions(hidden=(options.nodes,) * 6), data.inputs, PDFS).to(options.device)
    train = TrainOptions(epochs=1000, batch=options.batch, tensorboard=False)
    trainer = Trainer(network.train(), train, data, data.first, Hooks(), 1, RunDir(options.folder))
    batches, waited, started, begun = data.batches(options.batch, torch.Generator().manual_seed(1)), 0.0, 0.0, 0.0
    for update in range(options.updates + 1):
        before = time.perf_counter()
        batch = next(batches)
        if update:  # the first waits for the first chunk
            waited += time.perf_counter() - before
        else:
            started, begun = time.perf_counter(), time.process_time()
        trainer._update(*batch)
    if options.device == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    busy = time.process_time() - begun
    frames = (options.updates + 1) * options.batch
    rates = f"{frames / seconds:,.0f} frames/s, {frames / busy:,.0f} by CPU time"
    print(f"6 x {options.nodes}: {rates}, in the loader {100 * waited / seconds:.1f} %, {held():.0f} MB")


if __name__ == "__main__":
    given = parsed()
    examples = chunks(given)
    alone(examples, given.batch)
    with_network(examples, given)
