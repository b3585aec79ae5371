"""What processes do in the tests of their start: imported by fresh interpreters."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asr_prune.acoustic.distributed import processes
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.train import Trainer
from asr_prune.errors import UserError
from asr_prune.pruning.ends import make_pruner
from asr_prune.pruning.registry import find_options
from asr_prune.run_dir import RunDir

log = logging.getLogger("asr_prune.process_jobs")


def start_count() -> int:
    return int(os.environ["TORCHELASTIC_RESTART_COUNT"])


def places(folder: Path) -> tuple[list[int], str]:
    """Notes each start; the ranks of all processes, and what the first one said."""
    (folder / f"start{start_count()}-{processes.share().rank}").touch()
    log.warning("process %d speaks", processes.share().rank)
    return processes.gathered(processes.share().rank), processes.from_first("the first")


def refuse(folder: Path, rank: int) -> None:
    """An error in one process, while the others wait for it."""
    places(folder)
    if processes.share().rank == rank:
        raise UserError("the key is wrong; set it right.")
    processes.gathered(1)


def stay(folder: Path) -> None:
    """Notes this process, which then stays."""
    (folder / f"process{os.getpid()}").touch()
    processes.gathered(1)
    time.sleep(600)


def die(folder: Path) -> None:
    """The second process is killed, whenever it is started."""
    places(folder)
    if processes.share().rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    processes.gathered(1)


class _Killed(Trainer):
    """The second process is killed in the middle of an epoch of the press."""

    deadly = 0

    def _update(self, *batch: torch.Tensor) -> Any:
        if self.step + 1 == self.deadly and processes.share().rank == 1 and not start_count():
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._update(*batch)


def press(folder: Path, deadly: int) -> dict[str, torch.Tensor]:
    """The weights of a run of 6 epochs of 10 updates, with nodes removed while it is trained.

    deadly: the update before which a process is killed, 0 for none.
    """
    dice = np.random.default_rng(0)
    features = {f"u{i}": dice.standard_normal((50, 6)).astype(np.float32) for i in range(8)}
    labels = {name: (matrix[:, 0] > 0).astype(np.int32) for name, matrix in features.items()}
    frames = FrameSet.from_utterances(features, labels, (1, 1))
    torch.manual_seed(1)
    network = FeedForward(frames.inputs, (24, 16), 2, dropout=0.1)
    options = find_options("gradual")(method="gradual", keep=0.5, every=2, min_nodes=4)
    run = RunDir(folder)
    run.models.mkdir(parents=True, exist_ok=True)
    pruner = make_pruner(options, network, run if processes.is_first() else None, 6)
    how = TrainOptions(epochs=6, batch=40, learning_rate=0.01, tensorboard=False)
    trainer = _Killed(network, how, frames, frames, pruner, 1, run)
    trainer.deadly = deadly
    trainer.run()
    return {name: value.clone() for name, value in network.state_dict().items()}
