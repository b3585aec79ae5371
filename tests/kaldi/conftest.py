"""A project on the corpus of tones, trained up to a speaker-adaptive pass, and its exports."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from asr_prune.cli.main import main

RECIPE = """
corpus: {prepare: PREPARE}
hmm:
  passes:
    - {type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}
    - {type: lda_mllt, dim: 10, leaves: 12, gaussians: 30, iterations: 4, grow_iterations: 2, mllt_iterations: [2]}
    - {type: sat, leaves: 12, gaussians: 30, iterations: 4, grow_iterations: 2, fmllr_iterations: [2], fmllr_min_frames: 50}
network: {hidden: [16], dropout: 0.1}
train: {epochs: 1, batch: 64, threads: 1, tensorboard: false}
decode: {lm_weights: [8, 10], penalties: [0.0]}
score: {bootstrap: 100}
"""  # noqa: E501
GIVEN = ("--recipe", "recipes/tones", "--nj", "1")


@dataclass(frozen=True)
class Project:
    """here: its folder; exp; data: of the recipe."""

    here: Path

    @property
    def exp(self) -> Path:
        return self.here / "exp/tones"

    @property
    def data(self) -> Path:
        return self.here / "data/tones"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Stages corpus, lang, features, align and graph done."""
    here, back = tmp_path_factory.mktemp("interop"), Path.cwd()
    (here / "recipes/tones").mkdir(parents=True)
    prepare = Path(__file__).parent.parent / "stages/tiny.py"
    (here / "recipes/tones/recipe.yaml").write_text(RECIPE.replace("PREPARE", str(prepare)))
    os.chdir(here)
    try:
        verbs = ("corpus", "lang", "features", "align", "graph")
        assert [main([verb, *GIVEN]) for verb in verbs] == [0] * len(verbs)
        assert main(["export-kaldi", "exp/tones/align/sat", "kaldi/sat", "--nj", "3"]) == 0
    finally:
        os.chdir(back)
    return Project(here)


@pytest.fixture
def project(trained: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy to work in, and to harm."""
    shutil.copytree(trained.here, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return Project(tmp_path / "project")
