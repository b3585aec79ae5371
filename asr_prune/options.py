"""What an options class is: a frozen dataclass that a recipe block fills and that refuses unknown keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def options(cls: type[T]) -> type[T]:
    """Makes `cls` a frozen, keyword-only dataclass; the recipe reader (recipe.py) refuses keys that it does not
    declare.

    Ranges are checked in `__post_init__`, which raises ValueError with a sentence.
    """
    made = dataclass(frozen=True, kw_only=True)(cls)
    made.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
    return made
