"""Settings as users write them: YAML files and `--set`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml

from asr_prune.errors import UserError
from asr_prune.text import decoded

#: line of each key, by key path
Lines = dict[tuple[str, ...], int]


def read_yaml(path: Path) -> tuple[dict[str, Any], Lines]:
    """The mapping in a YAML file and the line of each of its keys.

    Raises UserError if the file cannot be read, is not YAML, or is not a mapping.
    """
    lines: Lines = {}
    try:
        text = decoded(path.read_bytes(), path)
        _note_lines(yaml.compose(text), (), lines)
        tree = yaml.safe_load(text) or {}
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path}{_at(error)} is not valid YAML: {_problem(error)}.") from error
    if not isinstance(tree, dict):
        raise UserError(f"{path} must hold blocks such as `corpus:` and `prune:`, not a {type(tree).__name__}.")
    return tree, lines


def _note_lines(node: yaml.Node | None, path: tuple[str, ...], lines: Lines) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if (*path, str(key.value)) in lines:
                raise yaml.constructor.ConstructorError(
                    problem=f"{key.value} repeats a key", problem_mark=key.start_mark
                )
            lines[(*path, str(key.value))] = key.start_mark.line + 1
            _note_lines(value, (*path, str(key.value)), lines)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            lines[(*path, str(i))] = value.start_mark.line + 1
            _note_lines(value, (*path, str(i)), lines)


def _at(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" line {mark.line + 1}" if mark else ""


def _problem(error: Exception) -> str:
    return " ".join(str(getattr(error, "problem", None) or error).split())


def parse_set(text: str) -> tuple[list[str], Any]:
    """`a.b=value` as (["a", "b"], value read as YAML). Raises UserError if it has another form."""
    key, sign, value = text.partition("=")
    if not sign or not key or "" in key.split("."):
        raise UserError(f"--set {text!r} is not of the form key=value; write for instance --set prune.keep=0.25.")
    try:
        return key.split("."), yaml.safe_load(value) if value else None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        example = "a number, a word, [1, 2] or {key: value}"
        raise UserError(f"--set {text!r}: the value is not valid YAML ({_problem(error)}); write {example}.") from error


def changed(tree: dict[str, Any], keys: Sequence[str], value: Any) -> dict[str, Any]:
    """A copy of `tree` with `value` at `keys`; a mapping with keys sets each of them and leaves the
    others there.
    """
    key, *rest = keys
    inner = tree.get(key)
    block = inner if isinstance(inner, dict) else {}
    if rest:
        return {**tree, key: changed(block, rest, value)}
    if not isinstance(value, dict) or not value:
        return {**tree, key: value}
    for name, part in value.items():
        block = changed(block, [name], part)
    return {**tree, key: block}


def with_corpus_rate(tree: dict[str, Any]) -> dict[str, Any]:
    """`tree` with corpus.rate and corpus.resample in the features, unless these have their own."""
    corpus, features = (tree.get(block) or {} for block in ("corpus", "features"))
    if not isinstance(corpus, dict) or not isinstance(features, dict):
        return tree
    rate = {key: corpus[key] for key in ("rate", "resample") if key in corpus}
    for kind in ("hmm", "network"):
        block = features.get(kind) or {}
        for key in rate.keys() - block.keys() if isinstance(block, dict) else ():
            tree = changed(tree, ["features", kind, key], rate[key])
    return tree


def merged_prune(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid over `base`: another method starts from its own defaults; keep, budget, strength
    and sparsity replace each other.
    """
    if over.get("method", base.get("method")) != base.get("method"):
        return over
    targets = {"keep", "budget", "strength", "sparsity"}
    if not targets.isdisjoint(over):
        base = {key: value for key, value in base.items() if key not in targets}
    return {**base, **over}


def check_name(name: str) -> str:
    """`name`, if it can be the name of a folder. Raises ValueError if not."""
    if not re.fullmatch(r"[^\s/.:\0-\x1f][^\s/:\0-\x1f]*", name):
        raise ValueError(f"name must be a plain folder name without spaces, slashes or colons, not {name!r}")
    return name


def known_keys(cls: Any, loc: Sequence[str]) -> list[str]:
    """Keys of the options class at `loc` inside `cls`, or of the innermost known class on the way."""
    hint: Any = cls
    for part in loc:
        hint = get_type_hints(cls).get(part, hint)
        inside = options_classes(hint)
        cls = next((c for c in inside if getattr(c, "type", None) == part), inside[0] if inside else cls)
    return [f.name for f in fields(cls)]


def options_classes(hint: Any) -> list[Any]:
    """The options classes in a type such as tuple[MonoOptions | TriOptions, ...]."""
    return [hint] if is_dataclass(hint) else [cls for part in get_args(hint) for cls in options_classes(part)]
