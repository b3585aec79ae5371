"""A method's options from the keywords of Python code, which no recipe reader has checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from asr_prune.errors import did_you_mean, listed
from asr_prune.options import renamed_keys
from asr_prune.pruning.acts import inert
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.registry import find_options

#: what only networks of recipes have
OF_RECIPES = ("inputs", "output_rank", "budget", "turn")
#: defaults that are not those of recipes
DEFAULTS = {"live_shrink": False}
_WORDS: dict[Any, str] = {bool: "True or False", int: "a whole number", float: "a number", str: "a text"}


def given_options(method: str, given: Mapping[str, Any]) -> PruneOptions:
    """The options of `method` for a module of the user's own, as a recipe would read them.

    Raises ValueError for a key that there is not, a value of another kind, what only networks of
    recipes have, and settings that mean nothing beside the others.
    """
    cls = find_options(method)
    if cls.FACTORS:
        raise ValueError(f"{method} is for networks of recipes; take another method for a module of your own")
    renamed = renamed_keys(cls, given)[0]
    if unfit := [key for key in OF_RECIPES if renamed.get(key)]:
        raise ValueError(f"{unfit[0]} is for networks of recipes; for a module of your own {_instead(unfit[0])}")
    _check_kinds(cls, renamed)
    asked = {"method": method, **DEFAULTS, **renamed}
    options = cls(**(cls.usual(asked) | asked))
    for key in (key for key, value in renamed.items() if (key, value) not in DEFAULTS.items()):
        if found := inert(options, key):
            raise ValueError(found.sentence(key))
    return options


def _instead(key: str) -> str:
    return "give keep" if key == "budget" else f"leave {key} out"


def check_sizes(options: PruneOptions, sizes: Sequence[int]) -> None:
    """Raises ValueError if nothing says how much is to be removed from layers of these sizes, or if
    it cannot be had.
    """
    options.check_target(OF_RECIPES)
    options.check_nodes(sizes)
    if options.widths(sizes, Path()) != tuple(sizes):
        raise ValueError(f"{options.method} trains a network of other widths and prunes none; take another method")


def _check_kinds(cls: type[PruneOptions], given: Mapping[str, Any]) -> None:
    hints, known = get_type_hints(cls), [field.name for field in fields(cls)]
    for key, value in given.items():
        if key not in known:
            hint = did_you_mean(key, known).removesuffix(".")
            raise ValueError(f"{cls.__name__} has no {key!r}{hint}")
        if not _fits(hints[key], value):
            raise ValueError(f"{key} must be {listed(_told(hints[key]), 'or')}, not {value!r}")


def _fits(hint: Any, value: Any) -> bool:
    kind, args = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return any(_fits(each, value) for each in args)
    if kind is Literal:
        return isinstance(value, str) and value in args
    if kind is tuple:
        return isinstance(value, tuple | list) and all(_fits(args[0], each) for each in value)
    if hint in (int, float):
        return isinstance(value, Integral if hint is int else Real) and not isinstance(value, bool)
    return isinstance(value, hint)


def _told(hint: Any) -> list[str]:
    """What a value may be, in words."""
    if get_origin(hint) in (Union, UnionType):
        return [words for each in get_args(hint) if each is not NoneType for words in _told(each)]
    if get_origin(hint) is Literal:
        return [repr(choice) for choice in get_args(hint)]
    return [_WORDS.get(hint, "a list" if get_origin(hint) is tuple else str(hint))]
