"""What a local script is asked by a recipe, or by its own command line."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from asr_prune.errors import UserError
from asr_prune.recipe.settings import nearest

T = TypeVar("T")


def read_options(cls: type[T], values: Mapping[str, Any], where: str = "corpus.options") -> T:
    """`values` as an object of a script's options class. Raises UserError naming key, nearest known key or range."""
    try:
        return TypeAdapter(cls).validate_python(dict(values))
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            known = [own.name for own in fields(cls)]  # type: ignore[arg-type]
            raise UserError(f"{where}: unknown key {key!r}{nearest(key, known)}.") from None
        text = problem["msg"].removeprefix("Value error, ")
        told = f" (got {problem['input']!r:.60})" if key else ""
        raise UserError(f"{where}: {key + ': ' if key else ''}{text[:1].lower() + text[1:]}{told}.") from None


def run_script(script: str, prepare: Callable[..., None], cls: type[Any]) -> None:
    """The command line of a local script: ROOT OUT [--seed N] and one option for each field of its options class.

    Exits with one sentence where the script raises UserError.
    """
    parser = argparse.ArgumentParser(prog=f"python {script}")
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    for own in fields(cls):
        usual = own.default if own.default is not MISSING else None
        parser.add_argument(f"--{own.name.replace('_', '-')}", dest=own.name, help=f"default: {usual!r}")
    given = vars(parser.parse_args())
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    values = {own.name: yaml.safe_load(given[own.name]) for own in fields(cls) if given[own.name] is not None}
    try:
        asked = read_options(cls, values, script)
        prepare(given["root"], given["out"], given["seed"], asked)
    except UserError as problem:
        sys.exit(str(problem) if str(problem).startswith(script) else f"{script}: {problem}")
