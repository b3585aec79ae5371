"""Features selected from archives are those that would have been computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices
from asr_prune.features.extract import extract
from asr_prune.features.options import HmmFeatureOptions
from asr_prune.features.select import select_features

OPTIONS = HmmFeatureOptions()


def _extracted(data: DataDir, utts: list[str], folder: Path) -> Path:
    data.subset(utts, folder).write()
    extract(folder, folder, OPTIONS)
    return folder


def _stored(folder: Path, name: str) -> dict[str, np.ndarray]:
    return dict(read_matrices(folder / f"{name}.scp"))


def test_selected_features_and_statistics_are_those_of_the_set_itself(data: DataDir, tmp_path: Path) -> None:
    sources = [
        _extracted(data, ["ann-1", "ann-2"], tmp_path / "one"),
        _extracted(data, ["bob-1", "bob-2", "bob-3"], tmp_path / "two"),
    ]
    chosen = tmp_path / "chosen"
    data.subset(["bob-1", "bob-2", "bob-3"], chosen).write()
    select_features(sources, [chosen], [chosen])
    for name in ("feats", "cmvn"):
        found, wanted = _stored(chosen, name), _stored(sources[1], name)
        assert list(found) == list(wanted)
        assert all(np.array_equal(found[key], wanted[key]) for key in wanted)
    assert not (chosen / "feats.ark").exists()


def test_a_speaker_of_two_sets_has_the_statistics_of_both(data: DataDir, tmp_path: Path) -> None:
    sources = [
        _extracted(data, ["ann-1", "bob-1"], tmp_path / "one"),
        _extracted(data, ["bob-2", "bob-3"], tmp_path / "two"),
    ]
    whole = _extracted(data, ["bob-1", "bob-2", "bob-3"], tmp_path / "whole")
    chosen = tmp_path / "chosen"
    data.subset(["bob-1", "bob-2", "bob-3"], chosen).write()
    select_features(sources, [chosen], [chosen])
    np.testing.assert_allclose(_stored(chosen, "cmvn")["bob"], _stored(whole, "cmvn")["bob"], rtol=1e-12)


def test_utterances_that_were_skipped_are_absent_and_a_set_without_any_is_told(data: DataDir, tmp_path: Path) -> None:
    source = _extracted(data, ["ann-1", "bob-1"], tmp_path / "one")
    chosen, empty = tmp_path / "chosen", tmp_path / "empty"
    data.subset(["ann-1", "ann-2"], chosen).write()
    select_features([source], [chosen], [chosen])
    assert list(_stored(chosen, "feats")) == ["ann-1"]
    data.subset(["bob-3"], empty).write()
    with pytest.raises(UserError, match=r"no utterance of .*empty has features"):
        select_features([source], [empty], [empty])
