"""Kaldi's configuration files, lines of `--option=value` (parse-options.cc)."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from asr_prune.errors import UserError
from asr_prune.text import file_lines, trimmed

T = TypeVar("T")

_TRUTH = {"": True, "true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_KINDS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "bool": ("true or false", lambda value: _TRUTH[value.lower()]),
    "int": ("a whole number", int),
    "float": ("a number", float),
    "str": ("text", str),
}


def read_conf(path: Path, kind: type[T], others: bool = False) -> T:
    """The options in `path`, as a dataclass whose fields are named after them (`--num-ceps`:
    num_ceps).

    What the file does not have keeps the default, which is Kaldi's. A bare `--option` is true, `#`
    begins a comment. others: pass over options that `kind` does not have. Raises UserError if the
    file is missing, a line is no option, an option is unknown, or a value is not of its type.
    """
    types = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for where, name, value in options_of(path):
        if name not in types and others:
            continue
        if name not in types:
            raise UserError(f"{where}: {_unknown(name, list(types))}.")
        wanted, convert = _KINDS[types[name]]
        try:
            values[name] = convert(value)
        except (KeyError, ValueError):
            message = f"{where}: --{_dashed(name)} must be {wanted}, not {value!r}"
            raise UserError(f"{message}; correct it.") from None
    try:
        return kind(**values)
    except ValueError as error:
        raise UserError(f"{path}: --{error}; correct it.") from None


def options_of(path: Path) -> list[tuple[str, str, str]]:
    """(file:line, name with underscores, value) of each option. Raises UserError if the file is
    missing or a line is no option.
    """
    found = []
    for number, line in enumerate(model_lines(path), 1):
        text = trimmed(line.partition("#")[0])
        if not text:
            continue
        name, _, value = text.removeprefix("--").partition("=")
        if not text.startswith("--") or not name:
            message = f"{text!r} is no line of the form --option=value"
            raise UserError(f"{path}:{number}: {message}; correct it.")
        found.append((f"{path}:{number}", name.lower().replace("-", "_"), trimmed(value)))
    return found


def model_lines(path: Path) -> list[str]:
    """The lines of a text file of a model. Raises UserError if it cannot be read."""
    try:
        return file_lines(path)
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: OSError) -> UserError:
    """The error for a file that a model must have."""
    remedy = "copy the whole directory of the model again"
    return UserError(f"cannot read {path}: {error.strerror}; {remedy}.")


def _unknown(name: str, known: list[str]) -> str:
    what = f"--{_dashed(name)} is not an option that this front end has"
    near = difflib.get_close_matches(name, known, 1)
    remedy = f"write --{_dashed(near[0])}" if near else "a model that needs it cannot be used"
    return f"{what}; {remedy}"


def _dashed(name: str) -> str:
    return name.replace("_", "-")
