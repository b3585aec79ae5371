"""What an options class is: a frozen dataclass that fills one block of a recipe and refuses unknown keys."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")
#: whole numbers stay below this, C's int, which Kaldi's libraries take
LARGEST = 2**31


@dataclass_transform(frozen_default=True, kw_only_default=True)
def options(cls: type[T]) -> type[T]:
    """Makes `cls` a frozen, keyword-only dataclass; the recipe reader refuses keys that it does not declare.

    Every number, also inside lists and mappings, must be finite, and a whole number less than 2**31 in size; that is
    checked first. Further ranges are checked in `__post_init__`, which raises ValueError with a sentence. Keys that
    were renamed stand in `ALIASES: ClassVar[dict[str, str]]`, old key to new key.
    """
    ranges = getattr(cls, "__post_init__", None)

    def __post_init__(self: Any) -> None:
        for field in fields(self):
            check_numbers(field.name, getattr(self, field.name))
        if ranges:
            ranges(self)

    cls.__post_init__ = __post_init__  # type: ignore[attr-defined]
    block = dataclass(frozen=True, kw_only=True)(cls)
    block.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
    return block


def check_numbers(key: str, value: Any) -> None:
    """Raises ValueError if `value` is, or holds, a number that is not finite or a whole number of 2**31 or more.

    key: its name, for the message. A comparison such as `x <= 0` is false for nan, so ranges alone let it pass.
    """
    for inner, number in _numbers(key, value):
        if isinstance(number, float) and not math.isfinite(number):
            raise ValueError(f"{inner} must be a finite number, not {number}")
        if isinstance(number, int) and abs(number) >= LARGEST:
            raise ValueError(f"{inner} must be below {LARGEST} in size")


def _numbers(key: str, value: Any) -> Iterator[tuple[str, int | float]]:
    """The numbers in `value`, each with its key; options in it have checked their own."""
    if isinstance(value, int | float):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _numbers(f"{key}.{name}", inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _numbers(key, inner)


def renamed_keys(cls: type, tree: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """`tree`, a block for the options class `cls`, with old keys renamed by `cls.ALIASES`; a note for each of them.

    The order of keys stays. Raises ValueError if an old key and its new name are both given.
    """
    aliases: Mapping[str, str] = getattr(cls, "ALIASES", {})
    old_keys = [key for key in tree if key in aliases]
    for key in old_keys:
        if aliases[key] in tree:
            raise ValueError(f"{key} is the old name of {aliases[key]}; give {aliases[key]} alone")
    notes = [f"{key} is now called {aliases[key]}" for key in old_keys]
    return {aliases.get(key, key): value for key, value in tree.items()}, notes
