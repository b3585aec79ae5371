"""Which report is served, and the audio of which sets."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.cli.serve import served_report
from asr_prune.corpus.datadir import DataDir
from asr_prune.workflow.experiment import Experiment, open_experiment
from tests.report.test_served import add_run


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """Of three folds, each of which has one utterance of test: of fold 2 two samples, 2 and 2."""
    monkeypatch.chdir(tmp_path)
    recipe = tmp_path / "recipes/tiny/recipe.yaml"
    recipe.parent.mkdir(parents=True)
    recipe.write_text("corpus: {prepare: local/tiny.py, folds: 3}\ndecode: {type: hmm}\n")
    found = open_experiment("recipes/tiny")
    for fold in found.folds:
        number = int(fold.layout.fold)
        utt, path = f"u{number}", tmp_path / f"{number}.wav"
        soundfile.write(path, np.full(number, number, np.int16), 16000)
        fold.layout.set("test").mkdir(parents=True)
        DataDir(fold.layout.set("test"), {utt: str(path)}, {utt: ["A"]}, {utt: "s"}).write()
    return found


def test_with_folds_it_is_that_of_all_of_them(experiment: Experiment) -> None:
    report = served_report(experiment)
    add_run(report.layout, "dense", "none")
    with report:
        assert 'data-run="dense"' in report.files["index.html"].decode()
    assert str(report.layout.exp) == "exp/tiny/folds-3/pooled"


def test_with_folds_the_audio_is_that_of_their_sets(experiment: Experiment) -> None:
    report = served_report(experiment)
    for number in (1, 2, 3):
        wav = report.audio(f"u{number}")
        assert wav
        assert soundfile.read(io.BytesIO(wav), dtype="int16")[0].tolist() == [number] * number
    assert report.audio("u4") is None
