"""The verb bench: how fast runs are decoded and networks trained here."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Literal

from asr_prune.cli.shared import Verbs, add_run_options, add_verb, need_words, not_negative, open_run, positive
from asr_prune.process import torch_threads
from asr_prune.stages.of_now import need_features

_PRECISIONS: tuple[Literal["float32", "tf32", "bf16"], ...] = ("float32", "tf32", "bf16")


def add_verbs(verbs: Verbs) -> None:
    """bench."""
    says = "measure decoding with a run, or training on this machine"
    verb = add_verb(verbs, "bench", says, measure_decoding, "decode exp/an4/runs/dense")
    whats = verb.add_subparsers(metavar="decode|train", required=True, prog="asr-prune bench")
    says = "CPU time of the network and of the search, and real-time factors, on one process"
    add_run_options(whats.add_parser("decode", help=says, description=says), "shrink", nj=False, on=True)
    _add_train(whats)


def _add_train(whats: Verbs) -> None:
    says = "frames per second, share of the device's peak, share of the loader, and a plain PyTorch loop"
    verb = whats.add_parser("train", help=says, description=says, epilog="example: asr-prune bench train --layers 4")
    verb.set_defaults(act=measure_training)
    option = partial(verb.add_argument, type=positive)
    verb.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(default: %(default)s)")
    option("--layers", default=6, help="hidden layers (default: %(default)s)")
    option("--nodes", help="of each (default: 2048 on a GPU, 512 on a CPU)")
    option("--outputs", default=4000, help="pdfs (default: %(default)s)")
    option("--batch", nargs="+", help="frames (default: 256 2048 8192 on a GPU, 256 on a CPU)")
    says = "of products (default: all that the device has)"
    verb.add_argument("--precision", nargs="+", choices=_PRECISIONS, help=says)
    verb.add_argument("--method", default="group_lasso", help="compared with l2 (default: %(default)s)")
    says = "timed at once (default: 8, or as many more as take 0.2 s; more to compare methods)"
    option("--updates", help=says)
    option("--rounds", default=5, help="of which medians are taken (default: %(default)s)")
    verb.add_argument("--threads", type=not_negative, default=0, help="of torch; 0: its default")


def measure_decoding(options: argparse.Namespace) -> None:
    """Prints the table."""
    from asr_prune.acoustic.checkpoint import load_model
    from asr_prune.analysis.bench import bench_decode

    experiment, run = open_run(options, lambda run: run.shrunk, "shrink")
    need_words(experiment)
    need_features(experiment, load_model(run.shrunk).features, run.shrunk)
    print("\n".join(bench_decode(run, experiment.decoding, options.on)))


def measure_training(options: argparse.Namespace) -> None:
    """Prints the table line by line."""
    from asr_prune.analysis.bench_train import Bench, bench_device, bench_train

    device = bench_device(options.device)
    large = device.type == "cuda"
    usual = _PRECISIONS if large else ("float32",)
    bench = Bench(
        device,
        options.layers,
        options.nodes or (2048 if large else 512),
        options.outputs,
        options.batch or ([256, 2048, 8192] if large else [256]),
        options.precision or usual,
        options.method,
        options.updates,
        options.rounds,
    )
    with torch_threads(options.threads):
        for line in bench_train(bench):
            print(line, flush=True)
