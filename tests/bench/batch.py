"""Dev cross-entropy by mini-batch and learning rate: `python tests/bench/batch.py recipes/an4 --set name=an4`.

Trains the network of the recipe, without pruning, on the labels that the align stage made, once for each pair of
`--batch` and `--rate`, and prints a line for each. With `--precision` more than one, the seeds tell what a difference
is worth.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.hooks import Hooks
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.acoustic.targets import frame_targets
from asr_prune.acoustic.train import Trainer, pick_device
from asr_prune.process import torch_threads
from asr_prune.pruning.training import both_sets
from asr_prune.run_dir import RunDir
from asr_prune.workflow.experiment import open_experiment


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--hidden", type=int, nargs="+", default=[128, 128])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, nargs="+", default=[256, 1024, 4096])
    parser.add_argument("--rate", type=float, nargs="+", default=[0.002, 0.004, 0.008])
    parser.add_argument("--precision", nargs="+", default=["float32"])
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    return parser.parse_args()


def main() -> None:
    """Prints a line for each training."""
    given = parsed()
    experiment = open_experiment(str(given.recipe), given.set)
    labels, pdfs = frame_targets(experiment.labels)
    features = [
        dict(experiment.features.stored(experiment.layout.set(x), experiment.layout.align)) for x in ("train", "dev")
    ]
    usual, shape = experiment.runs[0].train, NetworkOptions(hidden=tuple(given.hidden))
    device = pick_device(usual.device)
    sets = both_sets((features[0], labels), (features[1], labels), shape, usual, False, device)
    print(f"{len(sets[0])} frames, {pdfs} pdfs, hidden {given.hidden}, {given.epochs} epochs", flush=True)
    cases = [(b, r, p, s) for p in given.precision for b in given.batch for r in given.rate for s in given.seed]
    for batch, rate, precision, seed in cases:
        options = replace(
            usual, batch=batch, learning_rate=rate, precision=precision, epochs=given.epochs, tensorboard=False
        )
        torch.manual_seed(seed)
        network = make(shape, sets[0].inputs, pdfs).to(device)
        network.set_normalisation(*sets[0].moments())
        started = time.process_time()
        with tempfile.TemporaryDirectory() as folder, torch_threads(1):
            RunDir(Path(folder)).models.mkdir(parents=True)
            quality = Trainer(network, options, *sets, Hooks(), seed, RunDir(Path(folder))).run()
        told = f"batch {batch:5d}  rate {rate:.4f}  {precision}  seed {seed}  dev CE {quality.cross_entropy:.4f}"
        print(f"{told}  accuracy {100 * quality.accuracy:.2f} %  {time.process_time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
