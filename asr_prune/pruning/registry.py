"""Methods by name: folders of asr_prune/pruning/methods, and entry points `asr_prune.methods` of
other packages.
"""

from __future__ import annotations

import importlib
import pkgutil
from contextlib import suppress
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, TypeVar

from asr_prune.pruning import methods
from asr_prune.pruning.audit_table import AuditTable
from asr_prune.pruning.options import PruneOptions

if TYPE_CHECKING:
    from asr_prune.pruning.method import Method

Base = TypeVar("Base")
GROUP = "asr_prune.methods"


class BrokenMethod(ValueError):
    """A method of another package that cannot be loaded."""


def method_names() -> list[str]:
    """All methods, sorted."""
    return sorted({*_folders(), *_entry_points()})


def find_options(name: str) -> type[PruneOptions]:
    """The options class of method `name`, without importing torch. Raises ValueError if there is no
    such method, BrokenMethod if it cannot be loaded.
    """
    return _class_of(name, "options", PruneOptions)


def find_method(name: str) -> type[Method]:
    """The class of method `name`. Raises as `find_options`."""
    from asr_prune.pruning.method import Method  # imports torch

    return _class_of(name, "method", Method)


def method_modules(name: str) -> list[str]:
    """The modules of method `name`, which nothing imports by name. Raises ValueError if there is no
    such method.
    """
    return [f"{_package(name)}.{part}" for part in ("method", "options")]


def is_dense_method(name: str) -> bool:
    """Whether runs of method `name` are dense references; False for a method that is not
    installed.
    """
    try:
        return find_options(name).IS_DENSE
    except ValueError:
        return False


def audit_tables() -> dict[str, AuditTable]:
    """The audit tables of all methods that can be loaded, by file name."""
    tables = []
    for name in method_names():
        with suppress(BrokenMethod):
            tables.append(find_options(name).AUDIT)
    return {table.file: table for table in tables if table is not None}


@cache
def _folders() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(methods.__path__) if module.ispkg]


def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _package(name: str) -> str:
    """The package that holds the modules options and method; a folder wins over an entry point of
    the same name.
    """
    if name in _folders():
        return f"{methods.__name__}.{name}"
    points = _entry_points()
    if name not in points:
        raise ValueError(f"there is no pruning method {name!r}; the methods are {', '.join(method_names())}")
    return points[name].module


def _class_of(name: str, part: str, base: type[Base]) -> type[Base]:
    """The class in module `part` of method `name`. What a method of another package does wrong is
    told as BrokenMethod.
    """
    package = _package(name)
    if name in _folders():
        return _class_in(f"{package}.{part}", base)
    try:
        return _class_in(f"{package}.{part}", base)
    except Exception as error:
        reason = error if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        point = _entry_points()[name]
        owner = point.dist.name if point.dist else package
        raise BrokenMethod(
            f"the pruning method {name!r} of the package {owner} cannot be loaded ({reason}); mend or remove it"
        ) from error


def _class_in(module_name: str, base: type[Base]) -> type[Base]:
    """The subclass of `base` that the module defines. Raises ValueError if it defines none or
    several.
    """
    module = importlib.import_module(module_name)
    members = (member for member in vars(module).values() if isinstance(member, type))
    classes = [c for c in members if issubclass(c, base) and c.__module__ == module_name]
    if len(classes) != 1:
        names = ", ".join(c.__name__ for c in classes) or "none"
        raise ValueError(f"{module_name} must define one subclass of {base.__name__}, not {names}")
    return classes[0]
