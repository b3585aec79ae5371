"""The wheel: recipes and local scripts are in it, inside the package."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("asr_prune", "local", "recipes", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Paths of the files in the wheel, built from a copy because a build leaves files behind."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / "source" / name, ignore=ignored)
        else:
            shutil.copy(source, folder / "source")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(folder), "./source"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if "No matching distribution found for setuptools" in built.stderr:
        pytest.skip("the build needs setuptools from a package index, which cannot be reached")
    if "No module named pip" in built.stderr:
        pytest.skip("this environment has no pip")
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    return zipfile.ZipFile(wheel).namelist()


def test_recipes_and_scripts_are_in_the_package(files: list[str]) -> None:
    kinds = ("recipe.yaml", "sweep*.yaml", "cluster.yaml", "*.md")
    pages = [path for name in kinds for path in ROOT.glob(f"recipes/*/{name}")]
    expected = {path.relative_to(ROOT).as_posix() for path in [*pages, *ROOT.glob("local/*.py")]}
    inside = {name.removeprefix("asr_prune/") for name in files if name.startswith("asr_prune/")}
    assert {name for name in inside if name.startswith(("local/", "recipes/"))} == expected


def test_every_module_is_in_the_wheel(files: list[str]) -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("asr_prune/**/*.py")}
    assert modules - set(files) == {"asr_prune/recipes/__init__.py"}  # a namespace of data


def test_nothing_else_is_at_the_top(files: list[str]) -> None:
    tops = {name.partition("/")[0] for name in files}
    assert {name.partition("-")[0] for name in tops} == {"asr_prune"}
