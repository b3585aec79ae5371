"""Hybrid time-delay networks, and speech without transcripts, by the recipe."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.run_dir import RunDir

pytestmark = pytest.mark.trains

ROOT = Path(__file__).resolve().parents[2]
RECIPE = """
corpus: {prepare: local/tiny.py, untranscribed: more}
hmm: {passes: [{type: mono, iterations: 4}]}
features: {network: {type: mfcc, cmvn: global}}
network: {hidden: [20, 16], left_context: 1, right_context: 1, context: [[0], [-1, 0, 1]], strides: [1], dropout: 0.0}
train: {epochs: 3, batch: 100, segment: 20, threads: 1, learning_rate: 0.01, tensorboard: false}
prune: {method: group_lasso, keep: 0.5, every: 1, steer_every: 2, min_nodes: 2}
runs:
  - {name: dense, prune: {method: none}, network: {type: tdnn}}
  - {name: taught, train: {teacher: dense, teacher_weight: 1}, network: {type: tdnnf}}
  - {name: mixed, train: {teacher: dense, teacher_weight: 0.5}}
"""
RUNS = (
    "dense-type-tdnn",
    "taught-type-tdnnf-teacher-dense-type-tdnn-teacher_weight-1",
    "mixed-teacher-dense-type-tdnn",
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies of the test set's audio are the speech without transcripts, too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local").mkdir()
    (tmp_path / "recipes/tiny").mkdir(parents=True)
    shutil.copy(ROOT / "tests/stages/tiny.py", tmp_path / "local")
    text = RECIPE.replace("teacher: dense", "teacher: dense-type-tdnn")
    (tmp_path / "recipes/tiny/recipe.yaml").write_text(text)
    for name in ("wav.scp", "utt2spk"):
        (tmp_path / "more").mkdir(exist_ok=True)
        (tmp_path / "more" / name).write_text("")
    return tmp_path


def speech(project: Path) -> None:
    """Fills the folder `more`."""
    test = DataDir.read(project / "data/tiny/test")
    for name, place in test.wavs.items():
        shutil.copy(place, project / f"more/x-{name}.wav")
    lines = {f"x-{name}": str(project / f"more/x-{name}.wav") for name in test.wavs}
    (project / "more/wav.scp").write_text("".join(f"{name} {place}\n" for name, place in sorted(lines.items())))
    (project / "more/utt2spk").write_text("".join(f"{name} x\n" for name in sorted(lines)))


def test_networks_learn_from_a_teacher_where_there_is_no_transcript(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--recipe", "recipes/tiny"]
    main(["corpus", *given, "--set", "corpus.untranscribed="])
    speech(project)
    assert main(["run", *given]) == 0
    capsys.readouterr()
    more = DataDir.read(project / "data/tiny/untranscribed")
    assert more.silent
    assert len(more.text) > 0
    for name in RUNS:
        run = RunDir(project / "exp/tiny/runs" / name)
        figures = json.loads(run.train.read_text())
        assert np.isfinite(figures["dev_ce_final"])
        assert len(load_model(run.network).kept) == 2
        assert ("teachers" in figures) == (name != RUNS[0])
    assert (more.path / "network/feats.scp").is_file()
    assert main(["verify", f"exp/tiny/runs/{RUNS[1]}"]) == 0
    assert "TOO LARGE" not in capsys.readouterr().out
    assert main(["export", f"exp/tiny/runs/{RUNS[1]}", "out", "--onnx"]) == 0


def test_speech_that_cannot_be_used_is_refused_in_a_sentence(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--recipe", "recipes/tiny"]

    def said(verb: str, *options: str) -> str:
        assert main([verb, *given, *options]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") <= 6
        return error

    main(["corpus", *given, "--set", "corpus.untranscribed="])
    speech(project)
    test = (project / "more/utt2spk").read_text()
    (project / "more/utt2spk").write_text("".join(test.splitlines(keepends=True)[1:]))
    assert "utt2spk of more and its audio differ in 1 utterance (for instance" in said("corpus")
    (project / "more/utt2spk").unlink()
    assert "corpus.untranscribed: more/utt2spk is missing; give a data directory with it" in said("corpus")
    for name in ("wav.scp", "utt2spk"):
        shutil.copy(project / "data/tiny/train" / name, project / "more")
    assert "and data/tiny/train share " in said("corpus")
    heard = DataDir.read(project / "data/tiny/test").wavs.values()
    (project / "more/wav.scp").write_text("".join(f"z-{i} {place}\n" for i, place in enumerate(heard)))
    (project / "more/utt2spk").write_text("".join(f"z-{i} z\n" for i, _ in enumerate(heard)))
    assert f"and data/tiny/test share {len(heard)} audio files (for instance" in said("corpus")
    speech(project)
    assert main(["corpus", *given]) == 0
    assert "computed from audio alone" in said("features", "--set", "features.network.type=hmm")
    assert "folds and untranscribed exclude each other" in said("check", "--set", "corpus.folds=3")
    assert "is for frame labels" in said("features", "--set", "decode.type=ctc")
