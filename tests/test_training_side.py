"""Networks are trained and pruned with torch, numpy, safetensors and kaldi_io alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGE = Path(__file__).parent.parent / "asr_prune"
ROOMS = ("acoustic", "pruning")
#: rooms that these two may import
BELOW = {"corpus", "features", "lang", "hmm", "nnet3", *ROOMS}
THIRD_PARTY = {"torch", "numpy", "safetensors"}

WITHOUT_THE_REST = """
import importlib, pkgutil, sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {hidden!r} else super().find_spec(name, path, target)

sys.meta_path[:] = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]
for room in {rooms!r}:
    package = importlib.import_module("asr_prune." + room)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)

import logging
from pathlib import Path
import numpy as np
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.run_dir import RunDir
from asr_prune.pruning.registry import find_options
from asr_prune.pruning.training import train_run

logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
rng = np.random.default_rng(0)
features = {{f"u{{i}}": rng.standard_normal((60, 4)).astype(np.float32) for i in range(4)}}
labels = {{name: rng.integers(0, 5, 60).astype(np.int32) for name in features}}
prune = find_options("magnitude")(method="magnitude", keep=0.5)
options = NetworkOptions(hidden=(12,)), TrainOptions(epochs=1, batch=20), prune
figures = train_run(RunDir(Path({folder!r})), (features, labels), (features, labels), 5, options, 1, {{}})
print("updates", figures["updates"])
"""


def torch_needs() -> set[str]:
    """Distributions that torch requires, and what they require in turn."""
    needed, waiting = set(THIRD_PARTY), list(THIRD_PARTY)
    while waiting:
        for text in requires(waiting.pop()) or []:
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            here = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if here and name not in needed:
                needed.add(name)
                waiting.append(name)
    return needed


@pytest.mark.trains
def test_they_run_without_any_other_package(tmp_path: Path) -> None:
    allowed = torch_needs() | {"kaldi-io", "asr-prune"}
    hidden = {
        name
        for name, owners in packages_distributions().items()
        if name != "asr_prune" and not allowed & set(map(canonicalize_name, owners))
    }
    assert {"tensorboard", "tqdm", "kaldifst", "scipy", "pydantic", "yaml", "soundfile"} <= hidden
    code = WITHOUT_THE_REST.format(hidden=hidden, rooms=ROOMS, folder=str(tmp_path / "run"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "updates 12"
    assert done.stdout.count("no TensorBoard events: the package tensorboard is not installed") == 1
    assert (tmp_path / "run/model/network.pt").is_file()
    assert not (tmp_path / "run/tensorboard").exists()


@pytest.mark.parametrize("room", ROOMS)
def test_they_name_no_other_package_and_no_room_above(room: str) -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in sorted((PACKAGE / room).rglob("*.py"))
        for name in imported(path)
        if not allowed(name)
    ]
    assert not wrong


def imported(path: Path) -> Iterator[str]:
    """Names of all modules that a file imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def allowed(name: str) -> bool:
    top, *rest = name.split(".")
    if top != "asr_prune":
        return top in THIRD_PARTY or top in sys.stdlib_module_names
    is_room = bool(rest) and (PACKAGE / rest[0]).is_dir()
    return not is_room or rest[0] in BELOW
