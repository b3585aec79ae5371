"""The dense network is trained as if there were no pruning at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from asr_prune.acoustic.hooks import Hooks
from asr_prune.acoustic.train import Trainer


@pytest.mark.parametrize("asked", [{}, {"keep": 0.25}, {"strength": 3.0}], ids=str)
@pytest.mark.parametrize("train", [{}, {"optimiser": "sgd", "halve_below": 0.3}], ids=["adamw", "newbob"])
def test_none_is_plain_training(
    make_trainer: Callable[..., Trainer], asked: dict[str, Any], train: dict[str, Any]
) -> None:
    one = make_trainer({"method": "none", **asked}, train, "none", dropout=0.2)
    made = make_trainer({"method": "none"}, train, "plain", dropout=0.2)
    plain = Trainer(
        made.network,
        made.options,
        made.train_frames,
        made.dev_frames,
        Hooks(),
        made.seed,
        made.run_dir,
    )
    one.run()
    plain.run()
    for name, value in plain.network.state_dict().items():
        assert torch.equal(value, one.network.state_dict()[name]), name
    assert one.hooks.cut.nodes == [32, 24]
    assert one.hooks.cut.norm_mass_removed == 0
    assert one.hooks.converged is None
    assert [row["nodes"] for row in one.metrics] == [56] * 6
