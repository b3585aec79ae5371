"""The package of docs/own_method.md, made from the page's own text, trained with; and packages that are broken."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/own_method.md").read_text(encoding="utf-8")
RECIPE = """
corpus: {prepare: local/tiny.py}
hmm: {passes: [{type: mono, iterations: 4}]}
network: {hidden: [24, 20]}
train: {epochs: 3, batch: 32, threads: 1, tensorboard: false}
prune: {method: fading, keep: 0.5, fade: 0.05}
"""


def block(language: str, place: int = 0) -> str:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[place]


def package(folder: Path, files: dict[str, str], points: dict[str, str]) -> None:
    """Installs a package: its files, and what pip leaves of its entry points."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    info = folder / "fading-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fading\nVersion: 1.0\n")
    lines = [f"{name} = {module}\n" for name, module in points.items()]
    (info / "entry_points.txt").write_text("[asr_prune.methods]\n" + "".join(lines))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose recipe names the method, and the folder `site` for packages."""
    (tmp_path / "local").mkdir()
    shutil.copy(ROOT / "tests/stages/tiny.py", tmp_path / "local")
    (tmp_path / "recipes/tiny").mkdir(parents=True)
    (tmp_path / "recipes/tiny/recipe.yaml").write_text(RECIPE)
    (tmp_path / "site").mkdir()
    return tmp_path


def command(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    paths = [str(project / "site"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    given = [sys.executable, "-m", "asr_prune.cli.main", *words]
    return subprocess.run(given, cwd=project, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.trains
def test_the_package_of_the_page_prunes(project: Path) -> None:
    points = dict(re.findall(r'^(\w+) = "(\w+)"$', block("toml").partition("asr_prune.methods")[2], re.MULTILINE))
    assert points == {"fading": "fading"}
    files = {"fading/__init__.py": "", "fading/options.py": block("python"), "fading/method.py": block("python", 1)}
    package(project / "site", files, points)
    wrong = command(project, "check", "--recipe", "recipes/tiny", "--set", "prune.fade=2")
    assert wrong.returncode == 1
    assert "prune.fade=2" in wrong.stderr
    assert "fade must be above 0 and below 1, not 2" in wrong.stderr
    unknown = command(project, "check", "--recipe", "recipes/tiny", "--set", "prune.fadd=0.1")
    assert "did you mean 'fade'" in unknown.stderr
    done = command(project, "run", "--recipe", "recipes/tiny", "--nj", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"fading +0.5 +22 ", done.stdout)
    (run,) = (project / "exp/tiny/runs").iterdir()
    assert "22 of 44 hidden nodes kept" in command(project, "explain", str(run)).stdout


NOTHING = {"fading/__init__.py": ""}
TWO = block("python") + "\n\nclass More(FadingOptions):\n    pass\n"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (None, "ModuleNotFoundError: No module named 'fading'"),
        ("import nothing_like_it\n", "No module named 'nothing_like_it'"),
        ("def broken(:\n", "SyntaxError"),
        ("X = 1\n", "must define one subclass of PruneOptions, not none"),
        (TWO, "must define one subclass of PruneOptions, not FadingOptions, More"),
    ],
)
def test_a_broken_package_is_told_in_a_sentence_and_disturbs_no_other(
    project: Path, options: str | None, reason: str
) -> None:
    files = {} if options is None else NOTHING | {"fading/options.py": options}
    package(project / "site", files, {"fading": "fading"})
    said = command(project, "check", "--recipe", "recipes/tiny").stderr
    assert "recipes/tiny/recipe.yaml line 6: the pruning method 'fading' of the package fading cannot be loaded" in said
    assert reason in said
    assert "Traceback" not in said
    other = command(project, "check", "--recipe", "recipes/tiny", "--set", "prune={method: l2, keep: 0.5}")
    assert (other.returncode, other.stderr) == (0, "")
