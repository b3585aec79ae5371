"""A project of tones, with all stages done."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.stages import STAGES
from tests.cli.tones import GIVEN, RECIPE


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with all stages done."""
    here, back = tmp_path_factory.mktemp("project"), Path.cwd()
    (here / "recipes/tiny").mkdir(parents=True)
    prepare = Path(__file__).parent.parent / "stages/tiny.py"
    (here / "recipes/tiny/recipe.yaml").write_text(RECIPE.replace("PREPARE", str(prepare)))
    os.chdir(here)
    assert [main([verb, *GIVEN]) for verb in STAGES] == [0] * len(STAGES)
    os.chdir(back)
    return here


@pytest.fixture
def project(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The project as it was made, to be harmed: exp and data are put back afterwards."""
    for name in ("data", "exp"):
        subprocess.run(["cp", "-rp", made / name, made / f"{name}.kept"], check=True)
    monkeypatch.chdir(made)
    yield made
    for name in ("data", "exp"):
        shutil.rmtree(made / name, ignore_errors=True)
        (made / name).unlink(missing_ok=True) if (made / name).is_file() else None
        (made / f"{name}.kept").rename(made / name)
