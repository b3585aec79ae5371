"""What an options class is: a frozen dataclass that fills one block of a recipe and refuses unknown keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def options(cls: type[T]) -> type[T]:
    """Makes `cls` a frozen, keyword-only dataclass; the recipe reader refuses keys that it does not declare.

    Ranges are checked in `__post_init__`, which raises ValueError with a sentence. Keys that were renamed stand in
    `ALIASES: ClassVar[dict[str, str]]`, old key to new key.
    """
    block = dataclass(frozen=True, kw_only=True)(cls)
    block.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
    return block


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
