"""Runs that are trained once for all files of tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir

from . import thin
from .packing import CASES, FBANK, RUN
from .projects import decoded, finish


class _Projects(dict[str, Path]):
    """Folders of finished projects by recipe, filled when they are first used."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        super().__init__()
        self.factory = factory

    def __missing__(self, recipe: str) -> Path:
        self[recipe] = here = self.factory.mktemp("project")
        finish(here, recipe)
        return here


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return _Projects(tmp_path_factory)


@pytest.fixture(scope="module")
def projects(finished: dict[str, Path]) -> Iterator[dict[str, Path]]:
    """Folders of finished projects by recipe; tests may go to them."""
    back = Path.cwd()
    yield finished
    os.chdir(back)


@pytest.fixture(scope="module")
def done(projects: dict[str, Path]) -> SimpleNamespace:
    """The run of `thin`, in its project's folder; files: of the test set, in order."""
    os.chdir(projects[thin.RECIPE])
    data, words = decoded(thin.RUN)
    files = {data.wavs[utt]: words[utt] for utt in sorted(data.wavs)}
    return SimpleNamespace(files=files, text={data.wavs[utt]: own for utt, own in data.text.items()}, words=words)


@pytest.fixture(scope="module", params=CASES)
def case(
    request: pytest.FixtureRequest,
    projects: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> SimpleNamespace:
    """A packed run, in a folder of its own with a blank and an umlaut; wavs: of the test set."""
    recipe, options = CASES[request.param]
    os.chdir(here := projects[recipe])
    away = tmp_path_factory.mktemp("ein Ordner für Modelle")
    packed = away / "mein Modell ü.asr"
    assert main(["pack", RUN, str(packed), *options]) == 0
    data = DataDir.read("data/tones/test")
    wavs = [shutil.copy(data.wavs[utt], away) for utt in sorted(data.wavs)]
    case = SimpleNamespace(name=request.param, here=here, away=away, packed=packed)
    case.options, case.wavs = options, list(map(str, wavs))
    return case


@pytest.fixture(scope="module")
def fbank(projects: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    os.chdir(projects[FBANK])
    packed = tmp_path_factory.mktemp("packed") / "model.asr"
    assert main(["pack", RUN, str(packed)]) == 0
    soundfile.write(wav := packed.with_name("a.wav"), np.zeros(16000), 16000)
    return SimpleNamespace(packed=packed, wav=str(wav))
