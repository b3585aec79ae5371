"""What an options class is: a frozen dataclass that fills one block of a recipe and refuses unknown keys."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from types import NoneType
from typing import Any, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints

T = TypeVar("T")
#: whole numbers stay below this, C's int, which Kaldi's libraries take
LARGEST = 2**31
#: messages for pydantic's types of errors
TYPE_MESSAGES = {
    "dataclass_type": "must be a block of `key: value` pairs",
    "dict_type": "must be a block of `key: value` pairs",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "union_tag_not_found": "must say which type it is",
}
#: how pydantic calls the types of a value that may have several
_BRANCH = re.compile(r"bool|int|float|str|literal\[.*\]|(list|tuple|dict)\[.*\]")
#: what YAML 1.1 makes of words without quotes
_UNQUOTED = {
    bool: "a plain yes, no, on, off, true or false as a truth value",
    NoneType: "a plain null or nothing as no value",
}


#: keys of times, hours:minutes:seconds
_TIMES = {"walltime"}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def options(cls: type[T]) -> type[T]:
    """Makes `cls` a frozen, keyword-only dataclass; the recipe reader refuses keys that it does not
    declare.

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
    """Raises ValueError if `value` is, or holds, a number that is not finite or a whole number of
    2**31 or more.

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
    """`tree`, a block for the options class `cls`, with old keys renamed by `cls.ALIASES`; a note
    for each of them.

    The order of keys stays. Raises ValueError if an old key and its new name are both given.
    """
    aliases: Mapping[str, str] = getattr(cls, "ALIASES", {})
    old_keys = [key for key in tree if key in aliases]
    for key in old_keys:
        if aliases[key] in tree:
            raise ValueError(f"{key} is the old name of {aliases[key]}; give {aliases[key]} alone")
    notes = [f"{key} is now called {aliases[key]}" for key in old_keys]
    return {aliases.get(key, key): value for key, value in tree.items()}, notes


def with_empty(cls: type, tree: Any) -> Any:
    """`tree`, a block for the options class `cls`, with what is left empty made the empty value of
    its field.

    Empty are null, "" and {}: `key:` in YAML and `--set key=`. They become null if the field may be null, else "",
    an empty list or mapping, or a block of defaults, as the field's type is; other fields keep what was given.
    Truth values of numbers become words, which are no numbers: pydantic would take true as 1.
    """
    if not isinstance(tree, Mapping):
        return tree
    hints = get_type_hints(cls)
    return {key: _with_empty(hints.get(key), value) for key, value in tree.items()}


def _with_empty(hint: Any, value: Any) -> Any:
    if value in (None, "", {}):
        value = _empty(hint, value)
    if isinstance(value, bool) and _is_number(hint):
        value = str(value).lower()
    return with_empty(hint, value) if is_dataclass(hint) else value  # type: ignore[arg-type]


def _is_number(hint: Any) -> bool:
    """Whether a type is, or may be, a number and no truth value."""
    kinds = get_args(hint) or (hint,)
    return bool not in kinds and (int in kinds or float in kinds)


def _empty(hint: Any, value: Any) -> Any:
    """The empty value of a type; `value` if it has none."""
    if NoneType in get_args(hint):
        return None
    made = {} if is_dataclass(hint) else get_origin(hint) or hint
    return made() if made in (str, list, tuple, dict) else made if made == {} else value


def first_problem(problems: Sequence[Any]) -> Any:
    """The first of pydantic's errors; of a value that may have several types, one for all of them."""
    first = problems[0]
    if not first["loc"] or not _BRANCH.fullmatch(str(first["loc"][-1])):
        return first
    branches = [each for each in problems if each["loc"][:-1] == first["loc"][:-1]]
    wanted = [each["msg"].removeprefix("Input should be ").partition(", ")[0] for each in branches]
    return first | {"loc": first["loc"][:-1], "type": "union", "msg": f"Input should be {' or '.join(wanted)}"}


def told(problem: Mapping[str, Any]) -> str:
    """What is wrong, of an error of pydantic, in words that a sentence can end with."""
    value, kind = problem.get("input"), problem["type"]
    if kind == "string_type" and type(value) is int and problem["loc"][-1] in _TIMES:
        return _time_in_quotes(value)
    text = TYPE_MESSAGES.get(kind, problem["msg"].removeprefix("Value error, "))
    text = text[:1].lower() + text[1:]
    given = "" if isinstance(value, Mapping) else f" (got {'nothing' if value is None else repr(value)[:60]})"
    if kind == "string_type" and not isinstance(value, Mapping | list):
        read = _UNQUOTED.get(type(value), f"a plain {value} as a number or date")
        both = "with --set in both kinds, KEY=\"'WORD'\""
        given += f"; YAML reads {read}: put the word in quotes, {both}"
    return text + given


def _time_in_quotes(value: int) -> str:
    """What is wrong with a time that YAML has read as a number: 12:00:00 as 43200, its seconds."""
    hours, seconds = divmod(value, 3600)
    if not hours:
        return f'must be hours:minutes:seconds in quotes, such as "12:00:00" (got {value})'
    time = f"{hours}:{seconds // 60:02}:{seconds % 60:02}"
    both = f"with --set in both kinds, \"'{time}'\""
    return f"put {time} in quotes, {both}; without them YAML reads it as the number {value}"
