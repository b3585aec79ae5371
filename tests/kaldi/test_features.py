from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir, read_table
from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices, write_matrices
from asr_prune.features.cmvn import cmvn_stats
from asr_prune.kaldi.features import take_features

from .conftest import GIVEN, Project

Feats = dict[str, np.ndarray]
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    output = DataDir(tmp_path / "data/train")
    for utt in ("ann-1", "ann-2", "bob-1"):
        output.wavs[utt], output.text[utt], output.utt2spk[utt] = f"/{utt}.wav", ["YES"], utt[:3]
    output.write()
    return output


@pytest.fixture
def feats() -> Feats:
    dice = np.random.default_rng(0)
    return {utt: dice.normal(size=(20 + i, 5)).astype(np.float32) for i, utt in enumerate(("ann-1", "ann-2", "bob-1"))}


Give = Callable[[Feats], Path]


@pytest.fixture
def give(tmp_path: Path) -> Give:
    """Writes features as Kaldi leaves them and says where."""

    def output(feats: Feats) -> Path:
        write_matrices(tmp_path / "kaldi/train/feats", feats.items())
        return tmp_path / "kaldi/train"

    return output


def test_copied_whole_with_statistics_computed_where_there_are_none(
    data: DataDir, feats: Feats, give: Give, tmp_path: Path
) -> None:
    counts = take_features(give(feats), data.path, tmp_path / "out", 0.01)
    assert (counts.utterances, counts.frames, counts.dim) == (3, 63, 5)
    assert counts.hours == pytest.approx(63 / 360000)
    shutil.rmtree(tmp_path / "kaldi")
    for utt, matrix in read_matrices(tmp_path / "out/feats.scp"):
        np.testing.assert_array_equal(matrix, feats[utt])
    stats = dict(read_matrices(tmp_path / "out/cmvn.scp"))
    np.testing.assert_allclose(stats["ann"], cmvn_stats([feats["ann-1"], feats["ann-2"]]))


def test_statistics_that_are_there_are_taken(data: DataDir, feats: Feats, give: Give, tmp_path: Path) -> None:
    source, stats = give(feats), {speaker: np.full((2, 6), i, np.float32) for i, speaker in enumerate(("ann", "bob"))}
    write_matrices(source / "cmvn", stats.items())
    take_features(source, data.path, tmp_path / "out", 0.01)
    for speaker, matrix in read_matrices(tmp_path / "out/cmvn.scp"):
        assert matrix.dtype == np.float64
        np.testing.assert_array_equal(matrix, stats[speaker])
    write_matrices(source / "cmvn", [("ann", stats["ann"])])
    with pytest.raises(UserError, match=r"no matrix for bob; add all speakers of utt2spk to cmvn\.scp, or remove"):
        take_features(source, data.path, tmp_path / "out", 0.01)
    write_matrices(source / "cmvn", [("ann", np.ones((2, 4))), ("bob", np.ones((2, 4)))])
    with pytest.raises(UserError, match=r"ann has statistics of shape \(2, 4\) for features with 5 columns"):
        take_features(source, data.path, tmp_path / "out", 0.01)


def test_what_cannot_be_used_is_skipped_and_counted(
    data: DataDir, feats: Feats, give: Give, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    feats["ann-1"][3, 2] = np.nan
    del feats["ann-2"]
    counts = take_features(give(feats | {"zoe-1": feats["bob-1"]}), data.path, tmp_path / "out", 0.01)
    assert list(read_table(tmp_path / "out/feats.scp")) == ["bob-1"]
    assert list(read_table(tmp_path / "out/cmvn.scp")) == ["bob"]
    scp = tmp_path / "kaldi/train/feats.scp"
    finite = f"its features in {scp} are not finite"
    assert counts.skipped == {"ann-1": finite, "ann-2": f"no features in {scp}"}
    assert "1 utterance not in" in caplog.text


def test_what_stops_it_is_one_sentence(data: DataDir, feats: Feats, give: Give, tmp_path: Path) -> None:
    out, nowhere = tmp_path / "out", tmp_path / "nowhere/train"
    with pytest.raises(UserError, match=r"train/feats\.scp is missing; features\.\*\.archives needs it"):
        take_features(nowhere, data.path, out, 0.01)
    with pytest.raises(UserError, match="ann-2 has 4 columns, others 5; compute all features"):
        take_features(give(feats | {"ann-2": feats["ann-2"][:, 1:]}), data.path, out, 0.01)
    with pytest.raises(UserError, match="has no usable features for"):
        take_features(give({"zoe-1": feats["bob-1"]}), data.path, out, 0.01)
    source = give(feats)
    (source / "feats.ark").unlink()
    with pytest.raises(UserError, match=r"feats\.ark, named in .*copy the archives of feats\.scp again"):
        take_features(source, data.path, out, 0.01)
    (source / "feats.scp").write_text("ann-1 copy-feats scp:x ark:- |\n")
    with pytest.raises(UserError, match="pipes are not run"):
        take_features(source, data.path, out, 0.01)


def elsewhere(project: Project) -> Path:
    """Features of 7 columns for every set, shifted noise for each frame of ours."""
    dice, place = np.random.default_rng(1), Path("elsewhere").absolute()
    for part in ("train", "dev", "test"):
        frames = {utt: len(matrix) for utt, matrix in read_matrices(project.data / part / "feats.scp")}
        write_matrices(place / part / "feats", ((utt, dice.normal(2, 1, (n, 7))) for utt, n in frames.items()))
    return place


def test_networks_train_on_imported_features(project: Project, capsys: Printed) -> None:
    place = elsewhere(project)
    given = [*GIVEN, "--set", f"features.network.archives={place}", "--set", "features.network.deltas=1"]
    assert [main([verb, *given]) for verb in ("features", "train", "shrink")] == [0, 0, 0]
    assert f"{place} of network: 12 utterances" in capsys.readouterr().out
    assert json.loads((project.exp / "runs/dense/verify.json").read_text())["holds"]
    assert main(["features", *given]) == 0
    assert "features network: up to date" in capsys.readouterr().out
    write_matrices(place / "dev/feats", ((utt, np.ones((9, 7))) for utt in read_table(place / "dev/feats.scp")))
    assert main(["features", *given]) == 0
    assert "taking the features in" in capsys.readouterr().out


def test_sets_with_other_columns_and_a_contradiction_are_one_sentence(project: Project, capsys: Printed) -> None:
    place = elsewhere(project)
    write_matrices(place / "test/feats", ((utt, np.ones((9, 8))) for utt in read_table(place / "test/feats.scp")))
    given = [*GIVEN, "--set", f"features.network.archives={place}"]
    assert main(["features", *given]) == 1
    assert "holds features of 8 columns in test, 7 in train" in capsys.readouterr().err
    assert main(["features", *given, "--set", "features.network.type=hmm"]) == 1
    assert "archives are not read with type hmm; set features.hmm.archives" in capsys.readouterr().err
