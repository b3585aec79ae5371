"""Frames per second of one training process and of two, and how far their weights are apart: `python
tests/bench/processes.py --layers 6 --nodes 1024 --batch 2048`.

One process and two train copies of one network on the same batches, in turn, several times, so that both meet the same
disturbances of the machine; each process has one thread. Printed are the median frames per second and the median of
the paired ratios, the parts of an update that are not computed by one process alone (the message of the gradients, the
random numbers of whole batches), and the largest difference of weights. `--float64` shows that difference by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.distributed import processes
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.ends import make_pruner
from asr_prune.pruning.registry import find_options
from asr_prune.run_dir import RunDir

#: frames of an utterance, and features of a frame
LENGTH, DIM = 500, 40


def frames_of(options: argparse.Namespace) -> FrameSet:
    """One epoch of random frames."""
    dice = np.random.default_rng(0)
    count = options.updates * options.batch
    features = dice.standard_normal((count, DIM), dtype=np.float32)
    labels = dice.integers(0, options.pdfs, count)
    lengths = torch.full((-(-count // LENGTH),), LENGTH)
    lengths[-1] = count - LENGTH * (len(lengths) - 1)
    return FrameSet(torch.from_numpy(features), torch.from_numpy(labels), lengths, (5, 5))


def trainer_of(options: argparse.Namespace, folder: Path) -> Trainer:
    """A trainer that is in the press from its first update."""
    frames = frames_of(options)
    shape = NetworkOptions(hidden=(options.nodes,) * options.layers, dropout=options.dropout)
    torch.manual_seed(0)
    network = make(shape, frames.inputs, options.pdfs)
    network.to(torch.float64 if options.float64 else torch.float32)
    prune = find_options(options.method)(method=options.method, keep=None if options.method == "none" else 0.5)
    pruner = make_pruner(prune, network, None, 1000)
    train = TrainOptions(epochs=1000, batch=options.batch, tensorboard=False)
    return Trainer(network, train, frames, frames, pruner, 1, RunDir(folder))


def work(options: argparse.Namespace, folder: Path) -> None:
    """One process: an epoch whenever a line comes, its seconds as a line; weights at the end."""
    trainer = trainer_of(options, folder)
    spent = {"gradients": 0.0}
    summing = processes.sum_gradients

    def timed(parameters: Any) -> None:
        begin = time.perf_counter()
        summing(parameters)
        spent["gradients"] += time.perf_counter() - begin

    processes.sum_gradients = timed
    for _ in sys.stdin:
        spent["gradients"] = 0.0
        processes.gathered(0) if not processes.is_alone() else None
        trainer.epoch += 1
        begin = time.perf_counter()
        trainer._pass()
        print(json.dumps([time.perf_counter() - begin, spent["gradients"]]), flush=True)
    if processes.is_first():
        torch.save(trainer.network.state_dict(), folder / "weights.pt")


def start(rank: int, count: int, port: int, folder: Path) -> subprocess.Popen[str]:
    place = {"RANK": rank, "WORLD_SIZE": count, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    environment = os.environ | {name: str(value) for name, value in place.items()} | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, *sys.argv[1:], "--folder", str(folder)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment | {"MASTER_ADDR": "127.0.0.1"}, **pipes)


def epoch(team: list[subprocess.Popen[str]]) -> list[float]:
    """Seconds of an epoch of all `team`, and those of them that the first waited for gradients."""
    for process in team:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    lines = [json.loads(process.stdout.readline()) for process in team if process.stdout]
    return [max(line[0] for line in lines), lines[0][1]]


def end(team: list[subprocess.Popen[str]]) -> None:
    for process in team:
        process.communicate()


def compare(options: argparse.Namespace, folder: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = [folder / name for name in ("one", "two")]
    for each in folders:
        each.mkdir()
    one, two = [start(0, 1, port, folders[0])], [start(rank, 2, port, folders[1]) for rank in range(2)]
    pairs = [(epoch(one), epoch(two)) for _ in range(options.rounds + 1)][1:]
    end(one)
    end(two)
    count = options.updates * options.batch
    speeds = [statistics.median(count / pair[i][0] for pair in pairs) for i in range(2)]
    ratios = sorted(pair[0][0] / pair[1][0] for pair in pairs)
    message = statistics.median(pair[1][1] / pair[1][0] for pair in pairs)
    weights = [torch.load(each / "weights.pt") for each in folders]
    apart = max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0])
    print(f"one process    {speeds[0]:8.0f} frames/s")
    print(f"two processes  {speeds[1]:8.0f} frames/s; {100 * message:.1f} % of the time for the sum of gradients")
    print(f"ratio          {statistics.median(ratios):8.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    print(f"updates        {options.updates * (options.rounds + 1):8d}, largest difference of weights {apart:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"layers": 6, "nodes": 1024, "pdfs": 2000, "batch": 2048, "updates": 4, "rounds": 5}.items():
        parser.add_argument(f"--{name}", type=int, default=value, help="(default: %(default)s)")
    parser.add_argument("--dropout", type=float, default=0.2, help="(default: %(default)s)")
    parser.add_argument("--method", default="none", help="pruning method (default: %(default)s)")
    parser.add_argument("--float64", action="store_true", help="weights of double precision")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder is None:
        with tempfile.TemporaryDirectory() as folder:
            compare(options, Path(folder))
        return
    torch.set_num_threads(1)
    if os.environ["WORLD_SIZE"] == "1":
        work(options, options.folder)
        return
    with processes.joined_processes():
        work(options, options.folder)


if __name__ == "__main__":
    main()
