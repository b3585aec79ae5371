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
        ({"frame_shift_ms": 0.05}, "frame_shift_ms must be at least 1 sample at 16000 Hz, 0.0625, not 0.05"),
        ({"frame_shift_ms": 0.1, "rate": 8000}, "frame_shift_ms must be at least 1 sample at 8000 Hz, 0.125, not 0.1"),
        ({"frame_length_ms": 0.1}, "frame_length_ms must be at least 2 samples at 16000 Hz, 0.125, not 0.1"),
    ],
)
def test_values_out_of_range_are_one_sentence(settings: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FeatureOptions(**settings)


def test_a_shift_of_one_sample_and_features_from_elsewhere_are_taken() -> None:
    assert FeatureOptions(frame_shift_ms=0.0625).frame_shift_ms == 0.0625
    assert FeatureOptions(frame_shift_ms=0.05, archives="theirs").archives == "theirs"


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


@pytest.mark.parametrize(("rate", "length"), [(8000, 25.0), (16000, 25.0), (16000, 32.0)])
def test_bins_are_refused_as_kaldis_filters_refuse_them(rate: int, length: float) -> None:
    knf = pytest.importorskip("kaldi_native_fbank")
    for bins in range(70, 135):
        options = knf.FbankOptions()
        options.frame_opts.samp_freq, options.frame_opts.frame_length_ms = rate, length
        options.mel_opts.num_bins = bins
        try:
            knf.OnlineFbank(options)
        except (ValueError, RuntimeError):
            with pytest.raises(ValueError, match=rf"bins must be at most \d+ for windows of .* not {bins}"):
                FeatureOptions(type="fbank", bins=bins, rate=rate, frame_length_ms=length)
        else:
            FeatureOptions(type="fbank", bins=bins, rate=rate, frame_length_ms=length)
