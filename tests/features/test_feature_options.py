from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from asr_prune.features.options import FeatureOptions, FeaturesOptions


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"bins": 0}, "bins must be positive, not 0"),
        ({"frame_shift_ms": -1.0}, "frame_shift_ms must be positive"),
        ({"deltas": -1}, "deltas must not be negative"),
        ({"rate": 44100}, "rate must be 8000 or 16000"),
        ({"ceps": 30}, r"ceps must be at most bins \(23\), not 30"),
        ({"rate": 8000, "high_freq": 5000.0}, "high_freq must be between"),
        ({"high_freq": -7990.0}, "high_freq must be between"),
    ],
)
def test_values_out_of_range_are_one_sentence(settings: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FeatureOptions(**settings)


def test_columns() -> None:
    assert (FeaturesOptions().hmm.base_dim, FeaturesOptions().hmm.dim, FeaturesOptions().network.dim) == (13, 39, 40)
    assert FeatureOptions(type="fbank", bins=24, use_energy=True, deltas=1).dim == 50
    assert (FeatureOptions(high_freq=-400.0).top_freq, FeatureOptions(rate=8000).top_freq) == (7600, 4000)


def test_a_recipe_that_changes_one_value_keeps_the_others() -> None:
    read = TypeAdapter(FeaturesOptions).validate_python
    network = read({"network": {"bins": 24}, "hmm": {"ceps": 12}}).network
    assert (network.type, network.bins, read({"hmm": {"ceps": 12}}).hmm.deltas) == ("fbank", 24, 2)
    with pytest.raises(ValidationError, match="binz"):
        read({"network": {"binz": 24}})
