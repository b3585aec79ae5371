"""A file with an `executor:` block alone, such as cluster.yaml beside a recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from asr_prune.errors import UserError, did_you_mean
from asr_prune.files import present
from asr_prune.options import first_problem, told, with_empty
from asr_prune.recipe.settings import changed, known_keys, parse_set, read_yaml
from asr_prune.spread.options import ExecutorOptions

#: the file beside a recipe that says where a large corpus is worked on
CLUSTER_FILE = "cluster.yaml"


def executor_settings(text: str) -> list[str]:
    """The `--set` texts of `--executor text`: local, an address, or a file; each replaces an address
    and a cluster of the recipe.

    Raises UserError if the file is missing or not valid, with the line.
    """
    if text == "local":
        return ["executor={type: local, address: null, cluster: null}"]
    if "://" in text:
        return [f"executor={{type: dask, address: '{text}', cluster: null}}"]
    if not present(Path(text)):
        raise UserError(
            f"there is no file {text}; --executor takes local, tcp://host:port of a Dask scheduler, or a"
            " file (docs/cluster.md)."
        )
    block = {"address": None, **_read(Path(text))[0]}
    return ["executor.cluster=", f"executor={json.dumps(block)}"]


def executor_alone(text: str) -> ExecutorOptions:
    """What `--executor text` means without a recipe. Raises UserError as `executor_settings`, or if an
    address is not valid.
    """
    tree: dict[str, Any] = {}
    for setting in executor_settings(text):
        tree = changed(tree, *parse_set(setting))
    try:
        return TypeAdapter(ExecutorOptions).validate_python(with_empty(ExecutorOptions, tree["executor"]))
    except ValidationError as error:
        raise UserError(f"{told(first_problem(error.errors()))}.") from None


def read_executor(path: Path) -> ExecutorOptions:
    """The options in a file. Raises UserError as `executor_settings`."""
    return _read(path)[1]


def _read(path: Path) -> tuple[dict[str, Any], ExecutorOptions]:
    """The block in a file as it stands there, and its options."""
    tree, lines = read_yaml(path)
    if list(tree) != ["executor"] or not isinstance(tree["executor"], dict):
        raise UserError(f"{path} must hold an `executor:` block and nothing else; see docs/cluster.md.")
    try:
        return tree["executor"], TypeAdapter(ExecutorOptions).validate_python(tree["executor"])
    except ValidationError as error:
        problem = first_problem(error.errors())
        keys = ("executor", *(str(part) for part in problem["loc"] if not str(part).endswith("Options")))
        line = next((lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in lines), 1)
        where = f"{path} line {line}: {'.'.join(keys)}"
        if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            known = known_keys(ExecutorOptions, keys[1:-1])
            raise UserError(f"{where} is not known{did_you_mean(keys[-1], known)}") from None
        raise UserError(f"{where}: {told(problem)}.") from None
