from __future__ import annotations

import subprocess
import sys

import pytest

from asr_prune.analysis import requirements
from asr_prune.analysis.requirements import (
    Requirement,
    fits,
    install_command,
    library_requirements,
    python_requirement,
)


@pytest.mark.parametrize(
    ("version", "specifier", "holds"),
    [
        ("2.11.0+cpu", "==2.11.*", True),
        ("2.12.0", "==2.11.*", False),
        ("2.1", "==2.11.*", False),
        ("1.1.4", "==1.1.4", True),
        ("1.1.4.post1", "==1.1.4", True),
        ("1.1.40", "==1.1.4", False),
        ("4", ">=4.0", True),
        ("3.9.9", ">=4.0", False),
        ("3.11.7", "<3.12,>=3.11", True),
        ("3.12.0", "<3.12,>=3.11", False),
        ("3.14.0", ">=3.11, <3.15", True),
        ("1.5", "~=1.4", True),
        ("2.0", "~=1.4", False),
        ("1.4", "!=1.4", False),
        ("1.4", ">1.4", False),
        ("1.4", "<=1.4", True),
        ("0.1", "", True),
    ],
)
def test_versions_and_specifiers(version: str, specifier: str, holds: bool) -> None:
    assert fits(version, specifier) == holds


def test_requirements_of_this_installation() -> None:
    libraries = {library.name: library for library in library_requirements("asr_prune")}
    assert libraries["kaldifst"].pinned
    assert libraries["kaldifst"].met
    assert libraries["espeakng-loader"].extra == "demo"
    assert "pytest" not in libraries
    assert python_requirement("asr_prune").met


def test_the_command_that_installs_is_one() -> None:
    """With a version that is here, nothing is changed."""
    library = next(one for one in library_requirements("asr_prune") if one.name == "kaldifst")
    command = install_command(library)
    done = subprocess.run(f"{command} --dry-run --no-index", shell=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "kaldifst==1.7.17" in command
    again = install_command(library, again=True)
    parsed = subprocess.run(f"{again} --dry-run --no-index", shell=True, capture_output=True, text=True)
    assert "No matching distribution" in parsed.stderr  # there is no index, but all options are known


def test_without_pip_uv_installs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(requirements.shutil, "which", lambda name: "/usr/bin/uv")
    library = Requirement("torch", ">=2.11", "", "2.10")
    assert install_command(library) == f"uv pip install --python {sys.executable} 'torch>=2.11'"
