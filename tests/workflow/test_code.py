"""The code of a job: its import closure, and a digest that neither comments nor the Python version change."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asr_prune.workflow import code
from asr_prune.workflow.code import Sources, read_source

PROBE = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("probed", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["probed"] = module
spec.loader.exec_module(module)
paths = sorted(module.PACKAGE.rglob("*.py"))
print(json.dumps([module.read_source(path.read_text("utf-8"), "m").digest for path in paths]))
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package `pack` instead of asr_prune."""
    files = {
        "__init__.py": "",
        "job.py": "from pack.low import helper\n\ndef work():\n    from pack.lazy import late\n    return late\n",
        "low.py": "import numpy\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pack.types import T\n",
        "lazy.py": "from . import near\n",
        "near.py": "",
        "types.py": "",
        "other.py": "",
    }
    folder = tmp_path / "pack"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    monkeypatch.setattr(code, "PACKAGE", folder)
    monkeypatch.setattr(code, "NAME", "pack")
    code.path_of.cache_clear()
    yield folder
    code.path_of.cache_clear()


def test_the_closure_follows_imports_within_functions_and_not_those_for_types(package: Path) -> None:
    sources = Sources()
    closure = sources.closure(["pack.job"])
    assert list(closure) == ["pack", "pack.job", "pack.lazy", "pack.low", "pack.near"]
    assert list(sources.libraries(closure.values())) == ["numpy"]


def test_a_change_deep_in_the_closure_shows(package: Path) -> None:
    before = {name: source.digest for name, source in Sources().closure(["pack.job"]).items()}
    (package / "near.py").write_text("X = 1\n")
    after = {name: source.digest for name, source in Sources().closure(["pack.job"]).items()}
    assert [name for name in before if before[name] != after[name]] == ["pack.near"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("def f():\n    return 1\n", 'def f():\n    """One."""\n    # one\n    return 1\n', True),
        ("def f():\n    return 1\n", "def f():\n    return 2\n", False),
        ("x = f'a{b!r}c'\n", "x = f'a{b!s}c'\n", False),
        ("x = f'a' 'b'\n", "x = f'ab'\n", True),
        ("x = (1)\n", "x = 1\n", True),
    ],
)
def test_what_a_source_does(one: str, other: str, same: bool) -> None:
    assert (read_source(one, "m").digest == read_source(other, "m").digest) is same


def other_pythons() -> list[str]:
    """Other versions of Python on this machine that start."""
    names = [f"python3.{minor}" for minor in range(11, 16) if minor != sys.version_info.minor]
    return [name for name in names if shutil.which(name) and _run([name, "-c", "pass"]).returncode == 0]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    if shutil.which("pyenv"):
        versions = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False)
        environment["PYENV_VERSION"] = ":".join(versions.stdout.split())
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_another_version_of_python_gives_the_same_digests() -> None:
    digests = {}
    for name in (sys.executable, *other_pythons()):
        done = _run([name, "-c", PROBE, str(Path(code.__file__))])
        assert done.returncode == 0, done.stderr
        digests[name] = json.loads(done.stdout)
    assert len({tuple(values) for values in digests.values()}) == 1


@pytest.fixture
def outside(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `fading` elsewhere, which would fail if it were imported."""
    folder = tmp_path / "site/fading"
    (folder / "deep").mkdir(parents=True)
    files = {
        "__init__.py": "from .first import X\nraise RuntimeError\n",
        "first.py": "",
        "method.py": "import torch\nimport absent\nfrom pack.low import helper\nfrom fading.deep import inner, VALUE\n",
        "options.py": "",
        "unused.py": "",
        "deep/__init__.py": "VALUE = 1\n",
        "deep/inner.py": "from ..options import Y\n",
        "deep/fast.cpython-311-x86_64-linux-gnu.so": "compiled",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


def test_a_method_from_elsewhere_counts_with_what_it_imports_of_its_own_package(outside: Path) -> None:
    closure = Sources().closure(["pack.other", "fading.method", "fading.deep.fast"])
    of_fading = ["fading", "fading.deep", "fading.deep.fast", "fading.deep.inner", "fading.first", "fading.method"]
    assert list(closure) == [*of_fading, "fading.options", "pack", "pack.low", "pack.other"]
    assert "fading" not in sys.modules
    for name in ("first.py", "deep/inner.py", "deep/fast.cpython-311-x86_64-linux-gnu.so"):
        (outside / name).write_text((outside / name).read_text() + "Y = 22\n")
        changed = Sources().closure(["pack.other", "fading.method", "fading.deep.fast"])
        (other,) = (key for key in closure if closure[key].digest != changed[key].digest)
        assert other == "fading." + name.partition(".")[0].replace("/", ".")
        closure = changed


def test_a_job_names_no_other_package(outside: Path, package: Path) -> None:
    (package / "other.py").write_text("import fading.method, json\n")
    assert list(Sources().closure(["pack.other"])) == ["pack", "pack.other"]
