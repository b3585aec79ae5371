from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.features.cmvn import apply_cmvn
from asr_prune.features.compute import make_compute
from asr_prune.features.online.extractor import Extractor
from asr_prune.features.online.front_end import ModelFrontEnd, model_columns, model_compute
from asr_prune.features.online.settings import CmvnConf
from asr_prune.features.online.timing import Timing
from asr_prune.features.options import FeatureOptions

from ..conftest import voice
from .slow import slow_cmvn, slow_ivectors
from .small import (
    CEPS,
    DIM,
    OFFSET,
    extractor_bytes,
    make_extractor,
    make_stats,
    make_transform,
    matrix_bytes,
    write_kaldi,
    write_vosk,
)

SAMPLES = voice(3).astype(np.float32)


OPTIONS = """
    frame-length=20 frame-shift=8 preemphasis-coefficient=0.9 remove-dc-offset=false window-type=hamming
    round-to-power-of-two=false snip-edges=false low-freq=100 high-freq=4000 use-energy=true num-ceps=5
    cepstral-lifter=0 htk-compat=true
"""


def online(model: Path, **settings: object) -> FeatureOptions:
    return FeatureOptions(type="online", model=str(model), cmvn="none", **settings)  # type: ignore[arg-type]


def same_cepstra() -> np.ndarray:
    return make_compute(FeatureOptions(bins=12, ceps=CEPS))(SAMPLES)


@pytest.mark.parametrize("binary", [True, False])
def test_frames_and_then_ivectors(tmp_path: Path, binary: bool) -> None:
    front_end = ModelFrontEnd.read(write_vosk(tmp_path / "model", binary=binary))
    assert (front_end.dim, front_end.ivector_dim) == (CEPS, DIM)
    found, cepstra = front_end(SAMPLES), same_cepstra()
    np.testing.assert_array_equal(found[:, :CEPS], cepstra)
    assert front_end.ivector
    ends = range(0, len(cepstra), 10)
    slow = slow_ivectors(cepstra, front_end.ivector, list(ends))
    for t, row in enumerate(found):
        np.testing.assert_allclose(row[CEPS:], slow[t // 10], atol=2e-3, rtol=2e-3)


def test_one_ivector_of_the_whole_utterance(tmp_path: Path) -> None:
    front_end = ModelFrontEnd.read(write_vosk(tmp_path / "model"))
    found, cepstra = front_end(SAMPLES, Timing("utterance")), same_cepstra()
    assert front_end.ivector
    slow = slow_ivectors(cepstra, front_end.ivector, [len(cepstra) - 1])
    np.testing.assert_allclose(found[:, CEPS:], np.repeat(slow, len(cepstra), 0), atol=2e-3, rtol=2e-3)
    greedy = ModelFrontEnd.read(write_kaldi(tmp_path / "greedy", greedy_ivector_extractor="true"))
    np.testing.assert_array_equal(greedy(SAMPLES), found)


def test_models_without_ivectors(tmp_path: Path) -> None:
    model = write_vosk(tmp_path / "model", ivector=False)
    np.testing.assert_array_equal(ModelFrontEnd.read(model)(SAMPLES), same_cepstra())
    (model / "am/global_cmvn.stats").write_bytes(matrix_bytes(make_stats(), "DM"))
    slow = slow_cmvn(same_cepstra(), CmvnConf(), make_stats())
    np.testing.assert_allclose(ModelFrontEnd.read(model)(SAMPLES), slow, rtol=1e-4, atol=1e-3)
    assert np.abs(apply_cmvn(same_cepstra(), make_stats()) - slow).max() > 1


def test_too_short_for_a_window(tmp_path: Path) -> None:
    assert ModelFrontEnd.read(write_vosk(tmp_path / "model"))(SAMPLES[:399]).shape == (
        0,
        CEPS + DIM,
    )


def test_dither_is_that_of_the_conf_and_the_same_each_time(tmp_path: Path) -> None:
    model = write_vosk(tmp_path / "model", ivector=False)
    conf = model / "conf/mfcc.conf"
    conf.write_text(conf.read_text().replace("--dither=0\n", ""))
    first, second = (ModelFrontEnd.read(model)(SAMPLES) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, make_compute(FeatureOptions(bins=12, ceps=CEPS, dither=1.0))(SAMPLES))


def test_every_option_reaches_the_features(tmp_path: Path) -> None:
    model = write_vosk(tmp_path / "model", ivector=False)
    conf, before = model / "conf/mfcc.conf", ModelFrontEnd.read(model)(SAMPLES)
    text = conf.read_text()
    for option in OPTIONS.split():
        conf.write_text(f"{text}--{option}\n")
        after = ModelFrontEnd.read(model)(SAMPLES)
        assert after.shape != before.shape or not np.allclose(after, before), option
    for option in (
        "allow-downsample=true",
        "allow-upsample",
        "max-feature-vectors=500",
        "debug-mel=false",
    ):
        conf.write_text(f"{text}--{option}\n")
        np.testing.assert_array_equal(ModelFrontEnd.read(model)(SAMPLES), before)


def test_as_features_of_a_recipe(tmp_path: Path) -> None:
    model = write_vosk(tmp_path / "model")
    options = online(model)
    assert options.dim == model_columns(str(model)) == CEPS + DIM
    np.testing.assert_array_equal(make_compute(options)(SAMPLES), ModelFrontEnd.read(model)(SAMPLES))
    for kind, timing in (("utterance", Timing("utterance")), ("chunk", Timing("chunk", 24, 7))):
        (model / "conf/model.conf").write_text("--frame-subsampling-factor=3\n--beam=10\n")
        found = make_compute(online(model, ivectors=kind, right_context=7))(SAMPLES)
        np.testing.assert_array_equal(found, ModelFrontEnd.read(model)(SAMPLES, timing))
    with pytest.raises(UserError, match=r"is for 16000 Hz, not 8000; set corpus.rate to 16000"):
        model_compute(online(model, rate=8000))
    with pytest.raises(UserError, match=r"has frames every 10 ms, not 8; set features.network.frame_shift_ms to 10"):
        model_compute(online(model, frame_shift_ms=8.0))


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        (
            "final.mat",
            matrix_bytes(make_transform(20)),
            "final.mat has 20 columns, but 6 features with splice.conf",
        ),
        (
            "final.mat",
            matrix_bytes(make_transform()[:3]),
            "final.dubm has 4 features, but .*final.mat gives 3",
        ),
        ("final.mat", matrix_bytes(make_transform())[:99], "final.mat: the data end too early"),
        (
            "final.ie",
            extractor_bytes(Extractor(np.ones((2, 4, 3)), np.ones((2, 4, 4)), 1.0)),
            "2 Gaussians, but",
        ),
        (
            "final.ie",
            extractor_bytes(Extractor(np.ones((7, 5, 3)), np.ones((7, 5, 5)), 1.0)),
            "5 features, but",
        ),
        (
            "global_cmvn.stats",
            matrix_bytes(make_stats(9), "DM"),
            "has 9 columns, but the features 6; copy all files",
        ),
        (
            "global_cmvn.stats",
            matrix_bytes(make_stats()[:1], "DM"),
            "has no CMVN statistics of 2 rows and a count",
        ),
        ("online_cmvn.conf", b"--skip-dims=6", "--skip-dims must be below 6"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    model = write_vosk(tmp_path / "model")
    (model / "ivector" / name).write_bytes(data)
    with pytest.raises(UserError, match=says):
        ModelFrontEnd.read(model)


@pytest.mark.parametrize("name", ["final.ie", "final.dubm", "final.mat", "global_cmvn.stats", "splice.conf"])
def test_a_file_that_is_missing(tmp_path: Path, name: str) -> None:
    model = write_vosk(tmp_path / "model")
    (model / "ivector" / name).unlink()
    with pytest.raises(UserError, match=f"cannot read .*{name}: No such file or directory; copy the whole"):
        ModelFrontEnd.read(model)


def test_the_prior_mean_is_taken_off(tmp_path: Path) -> None:
    model = write_vosk(tmp_path / "model")
    front_end = ModelFrontEnd.read(model)
    assert front_end.ivector
    nothing, _ = front_end.ivector.ivectors(same_cepstra(), np.array([0]), weights=np.zeros(len(same_cepstra())))
    np.testing.assert_array_equal(nothing, np.zeros((1, DIM)))
    assert make_extractor().offset == OFFSET
