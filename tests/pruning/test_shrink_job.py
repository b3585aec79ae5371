"""What the shrink stage says of a network."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from asr_prune.acoustic.checkpoint import Model, save_model
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.pruning.shrink_job import shrink_run
from asr_prune.run_dir import RunDir


@pytest.mark.parametrize("emptied", [True, False])
def test_a_layer_without_nodes_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture, emptied: bool) -> None:
    network = FeedForward(4, (3, 2), 5)
    if emptied:
        torch.nn.init.zeros_(network.affine[1].weight)
    save_model(RunDir(tmp_path).network, Model(network, torch.zeros(5), (0, 0), [[0, 1, 2], [0, 1]]))
    with caplog.at_level(logging.WARNING):
        shrink_run(RunDir(tmp_path))
    assert ("hidden layer 1 has no node left" in caplog.text) == emptied
