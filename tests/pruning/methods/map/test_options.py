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
    ],
)
def test_what_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MapOptions(method="map", **asked)
