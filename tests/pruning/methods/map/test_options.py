from __future__ import annotations

from typing import Any

import pytest

from asr_prune.pruning.methods.map.options import MapOptions


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"keep": 0.5}, "keep counts nodes"),
        ({"granularity": "node", "sparsity": 0.5}, "sparsity counts weights"),
        ({"strength": 0.1}, "map has no strength"),
        ({"beta": -1.0}, "beta must be 0 or more"),
        ({"switch": 0.0}, "switch above 0"),
        ({"start": 0.5, "switch": 0.4}, "start must be at least 0 and below switch"),
        ({"every": 0}, "every 1 or more"),
        ({"start": "2 hours"}, "start must be a fraction of the updates, or a length such as 2 epochs"),
        ({"switch": "0 updates"}, "switch 0 updates fixes the mask before any update"),
        ({"switch": 1.5, "start": "1 epoch"}, "switch above 0 and at most 1"),
    ],
)
def test_what_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MapOptions(method="map", **asked)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"switch": "9 epochs", "start": "1 epoch"}, "switch 9 epochs is after the 8 epochs of the run"),
        ({"start": "2 epochs", "switch": 0.25}, "start 2 epochs must be before switch 0.25"),
        ({"start": "3 epochs", "switch": "3 epochs"}, "start 3 epochs must be before switch 3 epochs"),
        ({"start": "8 epochs", "switch": "9 updates"}, "start 8 epochs must be before switch 9 updates"),
    ],
)
def test_lengths_must_fit_into_the_epochs(asked: dict[str, Any], said: str) -> None:
    options = MapOptions(method="map", **asked)
    with pytest.raises(ValueError, match=said):
        options.check_epochs(8)
    options.check_epochs(8, counted=False)
