"""Where a message says that a mistake in a recipe stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asr_prune.recipe.settings import Lines

_WORD = re.compile(r"[a-z_][a-z_0-9]*")
_KEY = re.compile(rf"({_WORD.pattern})\s*:")


def place(path: Path, lines: Lines, all_sets: Sequence[str], key: tuple[str, ...], named: Sequence[str]) -> str:
    """The `--set`, or else the line of the file `path`, that gives `key`, a part of it or the block around it.

    lines: of keys; all_sets: texts of `--set`; named: words of the message; what has one of them inside the block
    comes first.
    """
    sets = [text for text in all_sets if _overlap(text.split("=")[0].split("."), key)]
    naming = _naming(sets, named) if named else sets
    if naming:
        return f"--set {naming[0]}"
    keys = [(*key, *word.split(".")) for word in named] + [key[:n] for n in range(len(key), 0, -1)]
    line = next((lines[each] for each in keys if each in lines), None)
    if sets and line == lines.get(key):
        return f"--set {sets[0]}"
    return f"{path}{f' line {line}' if line else ''}"


def words_of(problem: Any) -> list[str]:
    """Words of a sentence of `__post_init__`, among them the keys of the block that it is about."""
    return _WORD.findall(problem["msg"].removeprefix("Value error, ")) if problem["type"] == "value_error" else []


def _naming(sets: Sequence[str], named: Sequence[str]) -> list[str]:
    """Those whose key, or one inside their value, is among the words `named`; own keys come first.

    Numbers of a value are no keys, though the message may tell the same ones.
    """
    own_first = sorted(sets, key=lambda text: _own(text) not in named)
    return [text for text in own_first if {_own(text), *_KEY.findall(text.partition("=")[2])} & set(named)]


def _own(text: str) -> str:
    """The key that a `--set` sets, without what is around it."""
    return text.partition("=")[0].rpartition(".")[2]


def _overlap(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether one key is the other, or inside it."""
    return all(part == same for part, same in zip(one, other, strict=False))
