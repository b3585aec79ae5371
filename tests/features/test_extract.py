from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.features.archive import kaldi_io, read_matrices
from asr_prune.features.cmvn import cmvn_stats
from asr_prune.features.compute import make_compute
from asr_prune.features.extract import extract
from asr_prune.features.options import FeatureOptions, FeaturesOptions
from asr_prune.run_dir import portions_of

MFCC = FeaturesOptions().hmm


def test_each_utterance_has_its_features_and_each_speaker_its_statistics(data: DataDir, tmp_path: Path) -> None:
    counts = extract(data.path, tmp_path / "out", MFCC, 1)
    found = dict(kaldi_io.read_mat_scp(str(tmp_path / "out/feats.scp")))
    assert list(found) == list(data.wavs)
    compute = make_compute(MFCC)
    for utterance, place in data.wavs.items():
        np.testing.assert_array_equal(found[utterance], compute(read_audio(place)[0]))
    stats = dict(read_matrices(tmp_path / "out/cmvn.scp"))
    assert {speaker: (matrix.shape, matrix.dtype) for speaker, matrix in stats.items()} == dict.fromkeys(
        ("ann", "bob"), ((2, 14), np.dtype("float64"))
    )
    np.testing.assert_array_equal(stats["ann"], cmvn_stats([found["ann-1"], found["ann-2"]]))
    assert (counts.utterances, counts.frames, counts.skipped) == (5, sum(map(len, found.values())), {})
    assert counts.hours == pytest.approx((0.4 + 0.5 + 0.6 + 0.7 + 0.8) / 3600)


@pytest.fixture(autouse=True)
def few_utterances_are_shared_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr_prune.features.extract._SHARE", 1)


@pytest.mark.parametrize("backend", ["native", pytest.param("torchaudio", marks=pytest.mark.torchaudio), "numpy"])
def test_the_bytes_do_not_depend_on_the_number_of_processes(data: DataDir, tmp_path: Path, backend: str) -> None:
    options = FeatureOptions(type="fbank", backend=backend)  # type: ignore[arg-type]
    written = []
    for nj in (1, 2):
        extract(data.path, tmp_path / "out", options, nj)
        written.append({path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()})
    assert written[0] == written[1]
    assert sorted(written[0]) == ["cmvn.ark", "cmvn.scp", "feats.ark", "feats.scp"]


@pytest.mark.parametrize("nj", [1, 2])
def test_bad_audio_is_skipped_with_its_reason(
    data: DataDir, tmp_path: Path, nj: int, caplog: pytest.LogCaptureFixture
) -> None:
    cut = Path(data.wavs["ann-1"])
    cut.write_bytes(cut.read_bytes()[:900])
    soundfile.write(data.wavs["ann-2"], np.ones(8000, np.int16), 8000)
    soundfile.write(data.wavs["bob-1"], np.ones(399, np.int16), 16000)
    with caplog.at_level(logging.WARNING):
        counts = extract(data.path, tmp_path / "out", MFCC, nj)
    assert counts.utterances == 2
    assert {utterance: reason.partition(": ")[2] for utterance, reason in counts.skipped.items()} == {
        "ann-1": "cut-short audio (428 of the 6400 samples in its header); copy it again.",
        "ann-2": "wrong-rate audio (8000 Hz, not 16000); set corpus.resample: true, or another corpus.rate.",
        "bob-1": "399 samples are less than a window of 25 ms.",
    }
    assert f"ann-1 skipped: {cut}: cut-short audio" in caplog.text
    assert "3 of 5 utterances skipped" in caplog.text
    assert [key for key, _ in read_matrices(tmp_path / "out/feats.scp")] == ["bob-2", "bob-3"]
    assert [key for key, _ in read_matrices(tmp_path / "out/cmvn.scp")] == ["bob"]


def test_headers_and_samples_without_sense_skip_one_utterance_each(data: DataDir, tmp_path: Path) -> None:
    soundfile.write(data.wavs["ann-1"], np.ones(441, np.int16), 1092676)
    soundfile.write(data.wavs["ann-2"], np.full(16000, 1e30, np.float32), 16000, format="WAV", subtype="FLOAT")
    soundfile.write(data.wavs["bob-1"], np.ones(44101, np.int16), 44101)
    counts = extract(data.path, tmp_path / "out", FeatureOptions(resample=True), 1)
    assert counts.utterances == 3
    assert {utterance: reason.partition(": ")[2].partition(";")[0] for utterance, reason in counts.skipped.items()} == {
        "ann-1": "impossible-rate audio (1092676 Hz in its header, not 4000 to 384000)",
        "ann-2": "unreadable audio (samples beyond 4e+09 times full scale)",
    }


@pytest.mark.parametrize("nj", [1, 2])
def test_what_is_longer_than_allowed_is_skipped_and_counted(data: DataDir, tmp_path: Path, nj: int) -> None:
    counts = extract(data.path, tmp_path / "out", MFCC, nj, longest=0.65)
    assert sorted(counts.skipped) == ["bob-2", "bob-3"]
    assert "0.8 s in one utterance, more than 0.65" in counts.skipped["bob-3"]
    assert counts.utterances == 3


def test_no_usable_audio_is_an_error_that_leaves_what_was_there(data: DataDir, tmp_path: Path) -> None:
    extract(data.path, tmp_path / "out", MFCC, 1)
    before = (tmp_path / "out/feats.ark").read_bytes()
    with pytest.raises(UserError, match=r"no utterance gave features: .*16000 Hz, not 8000"):
        extract(data.path, tmp_path / "out", FeatureOptions(rate=8000), 1)
    assert (tmp_path / "out/feats.ark").read_bytes() == before


def test_eight_kilohertz(data: DataDir, tmp_path: Path) -> None:
    for place in data.wavs.values():
        soundfile.write(place, read_audio(place)[0].astype(np.int16)[::2], 8000)
    assert extract(data.path, tmp_path / "out", FeatureOptions(rate=8000), 1).utterances == 5


def test_an_output_that_cannot_be_written_is_one_sentence(data: DataDir, tmp_path: Path) -> None:
    (tmp_path / "out/feats.ark/in the way").mkdir(parents=True)
    with pytest.raises(UserError, match=r"cannot write .*out/feats.ark: "):
        extract(data.path, tmp_path / "out", MFCC, 1)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["feats.ark"]


@pytest.mark.parametrize(("content", "said"), [("", "Expecting value: line 1"), ("[1, 2]", "list indices must be")])
def test_parts_that_a_power_cut_left_empty_are_computed_again(
    data: DataDir, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str, said: str
) -> None:
    extract(data.path, tmp_path / "whole", MFCC, 1)
    left = portions_of(tmp_path / "out")
    left.mkdir(parents=True)
    (left / "0001.json").write_text(content)
    (left / "0001.ark").write_bytes(b"")
    extract(data.path, tmp_path / "out", MFCC, 1)
    assert f"0001.json is damaged ({said}" in caplog.text
    assert "its features are computed again" in caplog.text
    assert (tmp_path / "out/feats.ark").read_bytes() == (tmp_path / "whole/feats.ark").read_bytes()
