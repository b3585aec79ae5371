"""The recipe's local script: finding, loading and asking it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from asr_prune.corpus.options import CorpusOptions
from asr_prune.corpus.script import read_options
from asr_prune.errors import UserError
from asr_prune.workflow.context import Context


def find_script(context: Context) -> Path:
    """The recipe's local script, looked for from here and from the project that holds the recipe."""
    name = context.recipe.corpus.prepare
    if not name:
        raise UserError(f"{context.loaded.path}: corpus.prepare is not set; name a script such as local/an4.py.")
    for base in (Path(), context.loaded.folder.resolve().parent.parent):
        if (base / name).is_file():
            return (base / name).resolve()
    raise UserError(f"{context.loaded.path}: corpus.prepare names {name}, which is not there; start from the project.")


def load_script(path: Path) -> ModuleType:
    """Imports a local script, which may import its neighbours."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file; corpus.prepare takes one with a function prepare.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        where = f"{error.filename} line {error.lineno}"
        raise UserError(f"{where} is not Python ({error.msg}); mend the script that corpus.prepare names.") from error
    return module


def own_options(script: ModuleType, corpus: CorpusOptions) -> list[Any]:
    """What the script's `prepare` takes behind root, out and seed: its options, where it has any.

    Raises UserError where the recipe sets a subset or an option that the script does not know.
    """
    given = corpus.options | ({"subset": corpus.subset} if corpus.subset else {})
    cls = getattr(script, "Options", None)
    if cls is None and given:
        raise UserError(f"corpus.{'subset' if corpus.subset else 'options'}: {corpus.prepare} takes no options.")
    return [] if cls is None else [read_options(cls, given)]


def listing(places: Iterable[Path]) -> str:
    """One digest of names, sizes and times of change of all files there: the audio itself is not read."""
    total = hashlib.sha256()
    for path in _files(places):
        stat = path.stat()
        total.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _files(places: Iterable[Path]) -> Iterable[Path]:
    """In a fixed order, without holding them all."""
    for place in places:
        if place.is_file():
            yield place
        for folder, inner, names in os.walk(place):
            inner.sort()
            yield from (path for name in sorted(names) if (path := Path(folder, name)).is_file())
