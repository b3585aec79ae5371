"""Methods by name: folders of asr_prune/pruning/methods, and entry points `asr_prune.methods` of
other packages.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, TypeVar

from asr_prune.pruning import methods
from asr_prune.pruning.audit_table import AuditTable
from asr_prune.pruning.options import PruneOptions

if TYPE_CHECKING:
    from asr_prune.pruning.method import Method

Base = TypeVar("Base")
GROUP = "asr_prune.methods"


def method_names() -> list[str]:
    """All methods, sorted."""
    return sorted({*_folders(), *_entry_points()})


def find_options(name: str) -> type[PruneOptions]:
    """The options class of method `name`, without importing torch. Raises ValueError if there is no
    such method.
    """
    return _class_in(f"{_package(name)}.options", PruneOptions)


def find_method(name: str) -> type[Method]:
    """The class of method `name`. Raises ValueError if there is no such method."""
    from asr_prune.pruning.method import Method  # imports torch

    return _class_in(f"{_package(name)}.method", Method)


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
    """The audit tables of all methods, by file name."""
    tables = (find_options(name).AUDIT for name in method_names())
    return {table.file: table for table in tables if table is not None}


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
