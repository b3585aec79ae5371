"""What every options class checks, and its renamed keys."""

from __future__ import annotations

import importlib
import math
import pkgutil
import typing
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

import asr_prune
import asr_prune.local
from asr_prune.acoustic.options import TrainOptions
from asr_prune.options import LARGEST, check_numbers, options, renamed_keys
from asr_prune.recipe.blocks import Run

#: modules outside files called options.py that declare options
ALSO = ("asr_prune.recipe.blocks",)
BAD = (math.nan, math.inf, -math.inf, 10**400, -(10**400))


@options
class _Block:
    ALIASES: ClassVar[dict[str, str]] = {"rise": "pct_start"}
    pct_start: float = 0.3
    other: int = 1


def test_an_old_key_takes_its_new_name_with_a_note() -> None:
    tree, notes = renamed_keys(_Block, {"rise": 0.5, "other": 2})
    assert list(tree.items()) == [("pct_start", 0.5), ("other", 2)]
    assert notes == ["rise is now called pct_start"]
    assert _Block(**tree).pct_start == 0.5


def test_new_keys_and_classes_without_aliases_stay_as_they_are() -> None:
    assert renamed_keys(_Block, {"pct_start": 0.1}) == ({"pct_start": 0.1}, [])
    assert renamed_keys(int, {"rise": 1}) == ({"rise": 1}, [])


def test_both_names_together_are_refused() -> None:
    with pytest.raises(ValueError, match="rise is the old name of pct_start; give pct_start alone"):
        renamed_keys(_Block, {"rise": 0.5, "pct_start": 0.1})


def options_modules() -> Iterator[str]:
    yield from ALSO
    yield from (m.name for m in pkgutil.walk_packages(asr_prune.__path__, "asr_prune.") if m.name.endswith(".options"))
    yield from (m.name for m in pkgutil.iter_modules(asr_prune.local.__path__, "asr_prune.local."))


def every_class() -> list[type]:
    """Every options class of the package and of the local scripts that users fill; Run is made of others."""
    modules = [importlib.import_module(name) for name in options_modules()]
    found = {cls for module in modules for cls in vars(module).values() if hasattr(cls, "__pydantic_config__")}
    return sorted(found - {Run}, key=str)


def with_number(hint: Any, number: float) -> Any:
    """A value of the type `hint` that holds `number`; None if the type has no numbers."""
    if hint in (int, float):
        return number
    if hint is Any:
        return [1, {"deep": number}]
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is dict:
        inner = with_number(args[1], number)
        return None if inner is None else {"inner": inner}
    if origin in (tuple, list):
        items = [with_number(arg, number) for arg in args if arg is not Ellipsis]
        return None if None in items else items
    return next((value for arg in args if (value := with_number(arg, number)) is not None), None)


def cases() -> Iterator[tuple[type, str, Any]]:
    for cls in every_class():
        hints = typing.get_type_hints(cls)
        for field in fields(cls):
            for bad in BAD:
                if (value := with_number(hints[field.name], bad)) is not None:
                    yield cls, field.name, value


def test_every_options_class_is_walked() -> None:
    names = {cls.__qualname__ for cls in every_class()}
    assert {"Recipe", "TrainOptions", "DecodeOptions", "GroupLassoOptions", "SatOptions", "LmOptions"} <= names
    assert len([cls for cls in every_class() if cls.__module__.startswith("asr_prune.local")]) >= 5
    assert len(list(cases())) > 1000


def test_no_number_field_takes_nan_infinity_or_what_c_cannot_hold() -> None:
    for cls, name, value in cases():
        with pytest.raises(ValidationError, match=name):
            TypeAdapter(cls).validate_python({name: value})
        with pytest.raises(ValueError, match=f"^{name}"):
            cls(**{name: value})


def test_whole_numbers_stay_below_those_of_c() -> None:
    assert TrainOptions(epochs=LARGEST - 1).epochs == LARGEST - 1
    with pytest.raises(ValueError, match="epochs must be below 2147483648"):
        TrainOptions(epochs=LARGEST)


@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(1 - LARGEST, LARGEST - 1), st.text()))
def test_every_other_number_passes(value: float | str) -> None:
    check_numbers("x", [value, {"y": (value,)}])
