"""A file with an `executor:` block alone, such as cluster.yaml beside a recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from asr_prune.errors import UserError, did_you_mean
from asr_prune.options import first_problem, told
from asr_prune.recipe.settings import known_keys, read_yaml
from asr_prune.spread.options import ExecutorOptions

#: the file beside a recipe that says where a large corpus is worked on
CLUSTER_FILE = "cluster.yaml"


def executor_settings(text: str) -> list[str]:
    """The `--set` texts of `--executor text`: local, dask, an address, or a file; all but dask replace
    an address and a cluster of the recipe.

    Raises UserError if the file is missing or not valid, with the line.
    """
    if text == "local":
        return ["executor={type: local, address: null, cluster: null}"]
    if text == "dask":
        return ["executor.type=dask"]
    if "://" in text:
        return [f"executor={{type: dask, address: '{text}', cluster: null}}"]
    block = {"address": None, **read_executor(Path(text))}
    return ["executor.cluster=", f"executor={json.dumps(block)}"]


def read_executor(path: Path) -> dict[str, Any]:
    """The checked block in a file. Raises UserError as `executor_settings`."""
    tree, lines = read_yaml(path)
    if list(tree) != ["executor"] or not isinstance(tree["executor"], dict):
        raise UserError(f"{path} must hold an `executor:` block and nothing else; see docs/cluster.md.")
    try:
        TypeAdapter(ExecutorOptions).validate_python(tree["executor"])
    except ValidationError as error:
        problem = first_problem(error.errors())
        keys = ("executor", *(str(part) for part in problem["loc"] if not str(part).endswith("Options")))
        line = next((lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in lines), 1)
        where = f"{path} line {line}: {'.'.join(keys)}"
        if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            known = known_keys(ExecutorOptions, keys[1:-1])
            raise UserError(f"{where} is not known{did_you_mean(keys[-1], known)}") from None
        raise UserError(f"{where}: {told(problem)}.") from None
    block: dict[str, Any] = tree["executor"]
    return block
