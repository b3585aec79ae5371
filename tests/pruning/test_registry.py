"""Methods are found by name, their options without torch, and methods of other packages by entry points."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import asr_prune.pruning
from asr_prune.pruning.method import Method
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.registry import (
    audit_tables,
    find_method,
    find_options,
    is_dense_method,
    method_names,
)

FOLDER = Path(asr_prune.pruning.__file__).parent
OPTIONS = """
from asr_prune.options import options
from asr_prune.pruning.options import PruneOptions

@options
class FancyOptions(PruneOptions):
    knob: int = 7
"""
METHOD = """
from asr_prune.pruning.method import Method

class Fancy(Method):
    pass
"""


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that brings the methods fancy and, a name that is taken, l2."""
    (tmp_path / "fancy_pkg/fancy").mkdir(parents=True)
    for name, text in (("__init__", ""), ("options", OPTIONS), ("method", METHOD)):
        (tmp_path / f"fancy_pkg/fancy/{name}.py").write_text(text)
    (tmp_path / "fancy_pkg/__init__.py").touch()
    info = tmp_path / "fancy_pkg-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fancy-pkg\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[asr_prune.methods]\nfancy = fancy_pkg.fancy\nl2 = fancy_pkg.fancy\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("name", method_names())
def test_every_method_has_options_a_class_and_a_page(name: str) -> None:
    assert issubclass(find_options(name), PruneOptions)
    assert issubclass(find_method(name), Method)
    assert (FOLDER / f"methods/{name}/{name}.md").is_file()


def test_a_method_of_another_package_is_found_and_does_not_replace_ours(
    other_package: None,
) -> None:
    assert "fancy" in method_names()
    assert find_options("fancy")(method="fancy").knob == 7  # type: ignore[attr-defined]
    assert find_method("fancy").__name__ == "Fancy"
    assert find_method("l2").__name__ == "L2"


def test_an_unknown_method_is_named_with_those_that_exist() -> None:
    with pytest.raises(
        ValueError,
        match="there is no pruning method 'lasso'; the methods are complexity, dense_small",
    ):
        find_options("lasso")
    assert not is_dense_method("lasso")
    assert [name for name in method_names() if is_dense_method(name)] == ["none"]
    assert list(audit_tables()) == ["attention.jsonl"]


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


def test_options_are_read_without_torch() -> None:
    code = "from asr_prune.pruning.registry import *; [find_options(name) for name in method_names()]"
    assert not modules_after(code) & {"torch", "numpy", "pydantic", "yaml"}


def test_training_needs_torch_numpy_and_safetensors_alone() -> None:
    heavy = {
        "pydantic",
        "yaml",
        "scipy",
        "matplotlib",
        "kaldifst",
        "kaldi_hmm_gmm",
        "numba",
        "kaldilm",
    }
    methods = "from asr_prune.pruning.registry import *; [find_method(name) for name in method_names()]"
    assert not modules_after(f"import asr_prune.pruning.training; {methods}") & heavy
    allowed = {"torch", "numpy", "safetensors", "asr_prune"} | sys.stdlib_module_names
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= allowed, path
