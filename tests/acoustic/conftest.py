"""A small learnable task for the network's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.hooks import Hooks
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.train import Trainer
from asr_prune.run_dir import RunDir

PDFS = 5


def utterances(seed: int, count: int = 6) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Features [60, 4] and labels [60] by utterance; a frame lies about the centre of its label."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((PDFS, 4))
    labels = {f"u{i}": rng.integers(0, PDFS, 60).astype(np.int32) for i in range(count)}
    return {u: (centres[y] + rng.standard_normal((60, 4))).astype(np.float32) for u, y in labels.items()}, labels


@pytest.fixture
def frames() -> FrameSet:
    return FrameSet.from_utterances(*utterances(1), (1, 1))


@pytest.fixture
def make_trainer(tmp_path: Path, frames: FrameSet) -> Callable[..., Trainer]:
    """Builds a trainer with plain hooks on the small task; folders differ by `name`."""

    def make(name: str = "run", **train: object) -> Trainer:
        torch.manual_seed(3)
        network = FeedForward(frames.inputs, (16, 12), PDFS, dropout=0.2)
        network.set_normalisation(*frames.moments())
        options = TrainOptions(**{"epochs": 4, "batch": 40, "learning_rate": 0.02, "tensorboard": False, **train})
        dev = FrameSet.from_utterances(*utterances(2, 2), (1, 1))
        return Trainer(network, options, frames, dev, Hooks(), 5, RunDir(tmp_path / name))

    return make
