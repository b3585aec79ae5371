"""Modules that cannot be pruned exactly, and requests that make no sense, are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import weight_norm as hooked
from torch.nn.utils.parametrizations import weight_norm

import asr_prune
from tests.pruning.test_modules import NAMED, Net, sequential


def shared() -> nn.Sequential:
    square = nn.Linear(8, 8)
    return nn.Sequential(square, nn.ReLU(), square, nn.ReLU(), nn.Linear(8, 4))


def tied() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))
    model[2].weight = model[0].weight
    return model


def chain(*between: nn.Module, bias: bool = True) -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 8), *between, nn.Linear(8, 4, bias=bias))


@pytest.mark.parametrize(
    ("model", "pairs", "message"),
    [
        (chain(nn.BatchNorm1d(8), nn.ReLU()), None, "a BatchNorm1d stands between '0' and '3'"),
        (chain(nn.Softmax(1)), [("0", "2")], "a Softmax stands between '0' and '2'"),
        (chain(nn.ReLU(), bias=False), None, "'2' has no bias"),
        (shared(), [("0", "2")], "'0' is used in several places"),
        (tied(), None, "'0' is used in several places"),
        (
            nn.Sequential(weight_norm(nn.Linear(8, 8)), nn.ReLU(), nn.Linear(8, 4)),
            None,
            "'0' is parametrised",
        ),
        (chain(), [("0", "9")], "'9' is not there"),
        (
            nn.Sequential(nn.Linear(8, 8), nn.ReLU(), hooked(nn.Linear(8, 4))),
            None,
            "'2' computes its weight anew in each pass",
        ),
        (
            nn.Sequential(nn.Conv1d(8, 8, 1), nn.ReLU(), nn.Linear(8, 4)),
            [("0", "2")],
            "'0' is a Conv1d",
        ),
        (Net(), None, "a Net does not show which maps follow each other"),
        (Net(), [("first", "last")], "'first' has 24 outputs and 'last' 20 inputs"),
        (Net(), [*NAMED, NAMED[0]], "'first' is the incoming map of two pairs"),
        (nn.Sequential(nn.Linear(8, 4)), None, "fewer"),
    ],
)
def test_what_cannot_be_pruned_exactly_is_refused(model: nn.Module, pairs: Any, message: str) -> None:
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=message):
        asr_prune.prune(model, keep=0.5, pairs=pairs, optimiser=optimiser, steps=9)


def test_requests_that_make_no_sense_are_refused() -> None:
    model = sequential()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="measures activations here; give run_over"):
        asr_prune.prune(model, "magnitude", score="entropy", keep=0.5, optimiser=optimiser, steps=9)
    with pytest.raises(ValueError, match="trains a network of other widths"):
        asr_prune.prune(model, "dense_small", keep=0.5, optimiser=optimiser, steps=9)
    for asked, message in (
        ({"method": "gradual"}, "gradual needs keep: nothing says"),
        ({"method": "group_lasso"}, "group_lasso needs keep or strength: nothing says"),
        ({"budget": {"params": 0.2}}, "budget is for networks of recipes; for a module of your own give keep"),
        ({"method": "svd", "budget": {"params": 0.2}}, "svd is for networks of recipes; take another method"),
        ({"keep": 0.5, "turn": True}, "turn is for networks of recipes; for a module of your own leave turn out"),
        ({"keep": 0.5, "gamma": 2}, "gamma means nothing, since weights is equal; set weights to norm, taylor or"),
        ({"keep": 0.5, "solver": "subgradient", "guard": 2}, "guard means nothing, since solver is subgradient"),
        ({"keep": 0.5, "flor": 0.5}, "GroupLassoOptions has no 'flor'; did you mean 'floor'?"),
        ({"keep": "0.5"}, "keep must be a number, not '0.5'"),
        ({"keep": 0.5, "every": True}, "every must be a whole number, not True"),
        ({"keep": 0.5, "vectors": "incomin"}, "vectors must be 'outgoing', 'incoming' or 'both', not 'incomin'"),
        ({"keep": 0.5, "press": ()}, r"press must be a number or a text, not \(\)"),
        ({"method": "dsd", "rates": "1"}, "rates must be a list, not '1'"),
        ({"method": "dsd", "granularity": "node", "keep": 0.05}, "in the sparse phase, but min_nodes 8 leaves"),
    ):
        with pytest.raises(ValueError, match=message):
            asr_prune.prune(model, optimiser=optimiser, steps=9, **asked)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the optimiser does not train all maps"):
        asr_prune.prune(model, keep=0.5, optimiser=torch.optim.SGD(model[:2].parameters(), lr=0.1), steps=9)
    with pytest.raises(ValueError, match="there is no pruning method 'lasso'"):
        asr_prune.prune(model, "lasso", keep=0.5, optimiser=optimiser, steps=9)
    asked: dict[str, Any] = {"keep": np.float64(0.5), "every": np.int64(4), "spare": None, "release": "2 updates"}
    asr_prune.prune(model, optimiser=optimiser, steps=9, **asked)
    with pytest.raises(ValueError, match="still being pruned; call finish"):
        asr_prune.shrink(model)
