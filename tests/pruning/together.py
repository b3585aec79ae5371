"""Training runs that one process and two processes do alike, and what starts the two."""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import multiprocessing

from asr_prune.acoustic.architectures import make as build
from asr_prune.acoustic.augment import Augment
from asr_prune.acoustic.chunks import Chunks
from asr_prune.acoustic.distributed import processes
from asr_prune.acoustic.examples import Examples
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.segments import frame_set
from asr_prune.acoustic.train import Trainer
from asr_prune.acoustic.utterances import UtteranceSet
from asr_prune.pruning.ends import make_pruner
from asr_prune.pruning.registry import find_options, method_names
from asr_prune.run_dir import RunDir

from .conftest import PDFS, task
from .test_ctc import ASKED, TOKENS, utterances

FAST = {"every": 1, "steer_every": 2, "patience": 5}
#: besides every method by itself: other statistics of a batch, other layers, other data
VARIANTS: dict[str, dict[str, Any]] = {
    "group_lasso, live": {"method": "group_lasso", "keep": 0.5, **FAST},
    "group_lasso, subgradient": {"method": "group_lasso", "keep": 0.5, "solver": "subgradient"},
    "group_lasso, fisher": {"method": "group_lasso", "keep": 0.5, "rank": "fisher", **FAST},
    "guided, random steps": {"method": "guided", "keep": 0.5, "guide": "random_step", **FAST},
    "magnitude, entropy": {"method": "magnitude", "keep": 0.5, "score": "entropy"},
    "magnitude, taylor": {"method": "magnitude", "keep": 0.5, "score": "taylor"},
    "gradual, fisher": {"method": "gradual", "keep": 0.5, "score": "fisher", "every": 4},
    "both ends": {"method": "gradual", "keep": 0.5, "inputs": 0.5, "output_rank": 3, "every": 4},
    "layers": {"method": "complexity", "keep": 0.5, "network": {"type": "residual"}},
    "batch normalisation": {"method": "l2", "keep": 0.5, "network": {"type": "tdnnf"}},
    "turned bottlenecks": {"method": "gradual", "keep": 0.5, "turn": True, "every": 4, "network": {"type": "tdnnf"}},
    "segments": {"method": "complexity", "keep": 0.5, "network": {"type": "tdnn"}},
    "chunks": {"method": "l2", "keep": 0.5, "data": "chunks"},
    "ctc": {"method": "complexity", "keep": 0.5, "network": {"type": "tdnn", "strides": (1, 2)}, "data": "ctc"},
    "sgd": {"method": "gradual", "keep": 0.5, "train": {"epochs": 4, "optimiser": "sgd", "learning_rate": 0.1}},
}


def cases() -> dict[str, dict[str, Any]]:
    """Options of each case: `prune:` keys, and besides them network, train and data."""
    plain = {name: {"method": name, **ASKED.get(name, {"keep": 0.5})} for name in method_names()}
    return plain | {name: {"train": {"epochs": 4}, **case} for name, case in VARIANTS.items()}


def data(kind: str, asked: NetworkOptions) -> tuple[Examples, Examples]:
    if kind == "ctc":
        augment = Augment(0.1, 0.0, 2, 1)
        train = UtteranceSet.from_utterances(*utterances(1, 40), (1, 1), stride=2, augment=augment)
        return train, UtteranceSet.from_utterances(*utterances(2, 5), (1, 1), stride=2)
    if kind == "chunks":
        return Chunks(FrameSet, *task(1), (1, 1), 12000), FrameSet.from_utterances(*task(2, 3), (1, 1))
    train, dev = (frame_set(asked.reach, 10).from_utterances(*task(*of), (1, 1)) for of in ((1,), (2, 3)))
    return train, dev


def trainer(folder: Path, case: dict[str, Any], dtype: torch.dtype = torch.float64) -> Trainer:
    """Of a case; every method has 216 updates, a variant 96 or with CTC 16."""
    prune = {"min_nodes": 4, **case}
    network, train, kind = (prune.pop(key, {}) for key in ("network", "train", "data"))
    shape = {"hidden": (24, 16), "dropout": 0.1, "stream": 12, "context": ((0,), (-1, 0, 1)), "strides": (1,)}
    asked = NetworkOptions(**{**shape, **network})
    examples, dev = data(kind or "frames", asked)
    torch.manual_seed(3)
    made = build(asked, examples.inputs, TOKENS if kind == "ctc" else PDFS)
    made.set_normalisation(*examples.moments())
    made.to(dtype)
    how = {"epochs": 9, "batch": 50, "utterances": 9, "learning_rate": 0.01, "tensorboard": False}
    options = TrainOptions(**{**how, **train})
    run = RunDir(folder)
    run.models.mkdir(parents=True, exist_ok=True)
    written = run if processes.is_first() else None
    pruner = make_pruner(find_options(prune["method"])(**prune), made, written, options.epochs)
    return Trainer(made, options, examples, dev, pruner, 5, run)


def result(made: Trainer) -> dict[str, Any]:
    """Weights, survivors and figures after the last epoch."""
    quality = made.run()
    pruner: Any = made.hooks
    rows = [{key: value for key, value in row.items() if key != "seconds"} for row in made.metrics]
    weights = {name: value.clone() for name, value in made.network.state_dict().items()}
    found = {"weights": weights, "kept": pruner.cut.kept, "cut": pruner.cut.step, "rows": rows}
    return found | {"dev": quality.cross_entropy, "random": torch.get_rng_state()}


def in_two(folder: Path, act: Callable[[Path], Any]) -> list[Any]:
    """What `act(folder)` returns in two processes that have joined."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # not spawned: a fresh process finds other packages that are called tests
    multiprocessing.start_processes(_one_of_two, (port, folder, act), 2, start_method="fork")
    return [torch.load(folder / f"rank{rank}.pt", weights_only=False) for rank in range(2)]


def _one_of_two(rank: int, port: int, folder: Path, act: Callable[[Path], Any]) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"}
    with processes.joined_processes():
        torch.save(act(folder), folder / f"rank{rank}.pt")


def begun(folder: Path) -> int:
    """Trains the case of `resumed` for four epochs and stops there, as if killed."""
    made = trainer(folder, cases()["group_lasso, live"] | {"train": {"epochs": 9}})
    while made.epoch < 4:
        made._one_epoch()
    return made.epoch


def resumed(folder: Path) -> dict[str, Any]:
    """The result of a run that goes on from its checkpoint in `folder`, if there is one."""
    return result(trainer(folder, cases()["group_lasso, live"] | {"train": {"epochs": 9}}))


def too_small(folder: Path) -> None:
    """A batch of one frame for two processes."""
    trainer(folder, {"method": "none", "train": {"batch": 1}})


def gradient_sums(folder: Path) -> list[torch.Tensor]:
    """The sums of a large, a small and a transposed gradient, which are 1 and 2 times the same."""
    shapes = ((300, 200), (7,), (250, 300))
    parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in shapes]
    for parameter in parameters[:2]:
        parameter.grad = numbered(parameter.shape) * (1 + processes.share().rank)
    parameters[2].grad = numbered((300, 250)).T * (1 + processes.share().rank)
    processes.sum_gradients([*parameters, torch.nn.Parameter(torch.zeros(2))])
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def numbered(shape: Sequence[int]) -> torch.Tensor:
    return torch.arange(math.prod(shape), dtype=torch.float32).view(*shape)


def all_cases(folder: Path) -> dict[str, Any]:
    """The result of each case, from its own folder; a trail for the first process only."""
    return {name: result(trainer(folder / name, case)) for name, case in cases().items()}
