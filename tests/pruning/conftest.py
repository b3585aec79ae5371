"""A small learnable task for the pruning tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr_prune.acoustic.architectures import make as build
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.segments import frame_set
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.pruner import Pruner
from asr_prune.pruning.registry import find_method, find_options
from asr_prune.run_dir import RunDir

PDFS = 7


def task(seed: int, utterances: int = 12) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Features that tell their label through a noisy nonlinear map."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((PDFS, 6))
    labels = {f"u{i:02d}": rng.integers(0, PDFS, 100).astype(np.int32) for i in range(utterances)}
    return {u: (centres[y] + rng.standard_normal((100, 6))).astype(np.float32) for u, y in labels.items()}, labels


@pytest.fixture
def make_trainer(tmp_path: Path) -> Callable[..., Trainer]:
    """Builds a trainer with a pruner for `prune` options on the small task; folders differ by `name`."""

    def make(
        prune: dict[str, Any],
        train: dict[str, Any] | None = None,
        name: str = "run",
        device: str = "cpu",
        **network: Any,
    ) -> Trainer:
        shape = {"hidden": (32, 24), "dropout": 0.0, "stream": 16, "context": ((0,), (-1, 0, 1)), "strides": (1,)}
        asked = NetworkOptions(**{**shape, **network})
        kind = frame_set(asked.reach, 10)
        frames, dev = (kind.from_utterances(*task(*which), (1, 1), device) for which in ((1,), (2, 3)))
        torch.manual_seed(3)
        made = build(asked, frames.inputs, PDFS).to(device)
        made.set_normalisation(*frames.moments())
        method = find_method(prune["method"])
        options = TrainOptions(**{"epochs": 6, "batch": 50, "learning_rate": 0.01, **(train or {})})
        chosen = method(find_options(prune["method"])(**prune), made.node_layers())
        pruner = Pruner(chosen, RunDir(tmp_path / name), options.epochs)
        RunDir(tmp_path / name).models.mkdir(parents=True, exist_ok=True)
        return Trainer(made, options, frames, dev, pruner, 5, RunDir(tmp_path / name))

    return make
