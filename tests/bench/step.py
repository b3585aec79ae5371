"""How much longer an update takes with a pruning method than with L2, or with `--base none` than with none: `python
tests/bench/step.py`.

Each method and the base train copies of one network on the same batches in turn, a few updates at a time, so that both
meet the same disturbances of the machine; the median of the paired ratios is printed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.pruner import Pruner
from asr_prune.pruning.registry import find_method, find_options
from asr_prune.run_dir import RunDir

CASES: dict[str, dict[str, Any]] = {
    "none": {"method": "none"},
    "group_lasso outgoing": {"method": "group_lasso", "keep": 0.25},
    "group_lasso incoming": {"method": "group_lasso", "keep": 0.25, "vectors": "incoming"},
    "guided group": {"method": "guided", "keep": 0.25},
    "guided l1": {"method": "guided", "keep": 0.25, "norm": "l1"},
    "guided l2": {"method": "guided", "keep": 0.25, "norm": "l2"},
    "l1": {"method": "l1", "keep": 0.25},
    "gradual": {"method": "gradual", "keep": 0.25},
    "map weight": {"method": "map", "sparsity": 0.9},
    "map node": {"method": "map", "granularity": "node", "keep": 0.25},
    "dsd": {"method": "dsd", "sparsity": 0.5},
    "complexity": {"method": "complexity", "keep": 0.25},
    "group_lasso subgradient": {"method": "group_lasso", "keep": 0.25, "solver": "subgradient"},
}
BASES: dict[str, dict[str, Any]] = {"l2": {"method": "l2", "keep": 0.25}, "none": {"method": "none"}}


def trainer(frames: FrameSet, prune: dict[str, Any], options: argparse.Namespace, folder: Path) -> Trainer:
    """A trainer that is in the sparsify phase from its first update and will not leave it."""
    torch.manual_seed(0)
    shape = NetworkOptions(type=options.type, hidden=(options.nodes,) * options.layers, stream=options.stream)
    network = make(shape, frames.inputs, options.pdfs)
    method = find_method(prune["method"])
    made = find_options(prune["method"])(**prune, warm_up=0.0, fine_tune=0.0, live_shrink=False)
    train = TrainOptions(epochs=10_000, batch=options.batch, optimiser=options.optimiser, tensorboard=False)
    built = Trainer(network, train, frames, frames, Pruner(method(made, network.node_layers())), 1, RunDir(folder))
    network.train()
    return built


def seconds(subject: Trainer, batches: list) -> float:
    """Of one update, over `batches`."""
    start = time.perf_counter()
    for inputs, labels in batches:
        subject._update(inputs, labels)
    return (time.perf_counter() - start) / len(batches)


def main() -> None:
    """Prints a line per method."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("nodes", 512),
        ("layers", 4),
        ("pdfs", 104),
        ("batch", 256),
        ("rounds", 30),
        ("stream", 256),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--type", default="feed_forward", choices=["feed_forward", "residual"])
    parser.add_argument("--optimiser", default="adamw", choices=["adamw", "sgd"])
    parser.add_argument("--base", default="l2", choices=BASES)
    parser.add_argument("--cases", nargs="*", default=CASES, choices=CASES, metavar="CASE")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    feats = {f"u{i}": rng.standard_normal((options.batch, 40)).astype(np.float32) for i in range(8)}
    labels = {name: rng.integers(0, options.pdfs, options.batch) for name in feats}
    frames = FrameSet.from_utterances(feats, labels, (5, 5))
    batches = list(frames.batches(options.batch))
    with tempfile.TemporaryDirectory() as folder:
        base = trainer(frames, BASES[options.base], options, Path(folder))
        for name in options.cases:
            subject = trainer(frames, CASES[name], options, Path(folder))
            pairs = [(seconds(subject, batches), seconds(base, batches)) for _ in range(options.rounds)][3:]
            ratio = statistics.median(a / b for a, b in pairs)
            own, base_ms = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
            told = f"{name:24s} {own:7.2f} ms an update, {options.base} {base_ms:7.2f} ms"
            print(f"{told}, median of paired ratios {ratio:.3f}")


if __name__ == "__main__":
    main()
