"""Local scripts, which prepare corpora: finding and loading them, options, command line."""

from __future__ import annotations

import argparse
import ast
import importlib
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, fields
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar, get_origin, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

import asr_prune.local
from asr_prune.corpus.options import CorpusOptions
from asr_prune.corpus.scp import project_path
from asr_prune.corpus.script_folders import package_name
from asr_prune.errors import UserError, did_you_mean
from asr_prune.options import first_problem, told, with_empty

T = TypeVar("T")
#: the package of the scripts that come with asr_prune
LOCAL = "asr_prune.local"


class CorpusNotFound(UserError):
    """The corpus is not in the folder that a script was given, or no folder was given.

    The message says where to get the corpus; `run_prepare` adds how to pass its folder.
    """


def find_script(name: str, bases: Iterable[Path], where: str) -> Path:
    """The script that corpus.prepare names, looked for from each of the folders `bases`.

    A name such as local/an4.py falls back to the script that comes with asr_prune. where: the
    recipe, for messages. Raises UserError if `name` is empty or there is no such file.
    """
    if not name:
        raise UserError(f"{where}: corpus.prepare is not set; name a script such as local/an4.py.")
    paths = [base / name for base in bases]
    if Path(name).parent == Path("local"):
        paths.append(_local_folder() / Path(name).name)
    for path in paths:
        if path.is_file():
            return path.resolve()
    what = f"corpus.prepare names {name}, which does not exist"
    raise UserError(f"{where}: {what}; correct it, or start in the project's folder.")


def load_script(path: Path) -> ModuleType:
    """Imports a local script as a module of a package, so that it can import its neighbours.

    The scripts that come with asr_prune are modules of asr_prune.local. Other scripts are read anew
    at each call. Neither sys.path nor a top-level name of sys.modules is changed. Raises UserError
    if the file is not Python, or imports a neighbour by its bare name.
    """
    if path.suffix != ".py" or "." in path.stem or not path.is_file():
        remedy = "corpus.prepare takes one with a function prepare"
        raise UserError(f"{path} is not a Python file; {remedy}.")
    folder = path.resolve().parent
    package = LOCAL if folder == _local_folder() else _fresh_package(folder)
    try:
        return importlib.import_module(f"{package}.{path.stem}")
    except SyntaxError as error:
        what = f"{error.filename} line {error.lineno} is not Python ({error.msg})"
        raise UserError(f"{what}; correct the script that corpus.prepare names.") from error
    except ModuleNotFoundError as error:
        if error.name and _module_file(folder, error.name.split(".")):
            raise _bare_import(error) from error
        raise


def _bare_import(error: ModuleNotFoundError) -> UserError:
    importer = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{importer.filename} line {importer.lineno}"
    what = f"{where} imports its neighbour {error.name} by its bare name"
    return UserError(f"{what}; write `from .{error.name} import ...`.")


def _local_folder() -> Path:
    return Path(next(iter(asr_prune.local.__path__))).resolve()


def _fresh_package(folder: Path) -> str:
    """The package of a folder, without modules that an earlier call has imported."""
    package = package_name(folder)
    for name in [name for name in sys.modules if f"{name}.".startswith(f"{package}.")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    return package


def script_files(path: Path) -> list[Path]:
    """A script and the neighbours that it imports, also indirectly; sorted; nothing is executed."""
    known: set[Path] = set()
    waiting = [path.resolve()]
    while waiting:
        script = waiting.pop()
        if script not in known:
            known.add(script)
            waiting += _neighbours(script)
    return sorted(known)


def script_name(path: Path) -> str:
    """A name of a script that does not depend on where the project or asr_prune lies.

    The module if the script comes with asr_prune, else the path from the project.
    """
    return f"{LOCAL}.{path.stem}" if path.parent == _local_folder() else str(project_path(path))


def _neighbours(script: Path) -> Iterator[Path]:
    """Files beside `script`, or in folders there, that its import statements name."""
    try:
        tree = ast.parse(script.read_bytes())
    except (SyntaxError, ValueError):
        return
    for folder, name in _imported(tree, script.parent):
        if (file := _module_file(folder, name)) is not None:
            yield file


def _imported(tree: ast.AST, folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """(folder to start from, parts) of each dotted name that may be an imported module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (_placed(alias.name, folder) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = Path(*folder.parts[: len(folder.parts) + min(0, 1 - node.level)])
            prefix = [node.module] if node.module else []
            yield from (_placed(".".join([*prefix, alias.name]), base) for alias in node.names)
            yield from (_placed(name, base) for name in prefix)


def _placed(name: str, folder: Path) -> tuple[Path, list[str]]:
    inside = name.startswith(f"{LOCAL}.")
    return (_local_folder() if inside else folder), name.removeprefix(f"{LOCAL}.").split(".")


def _module_file(folder: Path, name: list[str]) -> Path | None:
    """The file of a module or package in `folder`; None if the name is of something else."""
    for path in (folder.joinpath(*name).with_suffix(".py"), folder.joinpath(*name, "__init__.py")):
        if path.is_file():
            return path.resolve()
    return None


def script_options(script: ModuleType, corpus: CorpusOptions) -> list[Any]:
    """Further arguments of the script's `prepare`: an object of its class Options, if it has one.

    Raises UserError if the recipe sets a subset or an option that the script does not have.
    """
    given = corpus.options | ({"subset": corpus.subset} if corpus.subset else {})
    cls = getattr(script, "Options", None)
    if cls is None and given:
        key = "subset" if corpus.subset else "options"
        raise UserError(f"corpus.{key}: {corpus.prepare} takes no options.")
    return [] if cls is None else [read_options(cls, given)]


def option_names(script: ModuleType, corpus: CorpusOptions) -> list[str]:
    """Keys of corpus.options that the script takes, without those that the recipe has switched on
    or that could not be switched on beside its other options.
    """
    cls = getattr(script, "Options", None)
    found = [option for option in fields(cls) if corpus.options.get(option.name) is not True] if cls else []
    return [o.name for o in found if o.default is not False or _accepts(cls, {**corpus.options, o.name: True})]


def _accepts(cls: Any, given: dict[str, Any]) -> bool:
    with suppress(TypeError, ValueError):
        return bool(cls(**given))
    return False


def run_prepare(script: ModuleType, corpus: CorpusOptions, out: Path, seed: int) -> None:
    """Runs the script's `prepare`.

    Raises UserError as it and `script_options` do, and says how to pass the corpus's folder; also
    if there is no `prepare`.
    """
    if not hasattr(script, "prepare"):
        raise UserError(f"{corpus.prepare} has no function prepare(root, out, seed); write one.")
    options = script_options(script, corpus)
    try:
        script.prepare(corpus.root, out, seed, *options)
    except CorpusNotFound as error:
        remedy = "then pass its folder: `--set corpus.root=FOLDER`"
        variable = f" or {corpus.root_from}=FOLDER" if corpus.root_from else ""
        raise UserError(f"{str(error).rstrip('.')}; {remedy}{variable}.") from error


def read_options(cls: type[T], values: Mapping[str, Any], where: str = "corpus.options") -> T:
    """`values` as an object of the options class `cls`.

    Raises UserError that names the key, and a similar known key or the valid range.
    """
    try:
        return TypeAdapter(cls).validate_python(with_empty(cls, values))
    except ValidationError as error:
        problem = first_problem(error.errors())
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            known = [option.name for option in fields(cls)]  # type: ignore[arg-type]
            raise UserError(f"{where}: unknown key {key!r}{did_you_mean(key, known)}") from None
        raise UserError(f"{where}: {f'{key}: ' if key else ''}{told(problem)}.") from None


def run_script(script: str, prepare: Callable[..., None], cls: type[Any] | None = None) -> None:
    """The command line of a local script: ROOT OUT [--seed N] and an option per field of `cls`.

    script: its module (asr_prune.local.an4) or file (scripts/mine.py). cls: the class of its
    options. Exits with one sentence if `prepare` raises UserError.
    """
    given = vars(_script_parser(script, cls).parse_args())
    root, out, seed = (given.pop(name) for name in ("root", "out", "seed"))
    hints = get_type_hints(cls) if cls else {}
    values = {name: _option(hints[name], text) for name, text in given.items() if text is not None}
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        prepare(root, out, seed, *([read_options(cls, values, script)] if cls else []))
    except UserError as problem:
        sys.exit(str(problem) if str(problem).startswith(script) else f"{script}: {problem}")


def _option(hint: Any, text: str) -> Any:
    """The value of an option: `text` itself for words, of which YAML would make null, False or 7."""
    return text if hint is str or get_origin(hint) is Literal else yaml.safe_load(text)


def _script_parser(script: str, cls: type[Any] | None) -> argparse.ArgumentParser:
    start = "python" if script.endswith(".py") else "python -m"
    parser = argparse.ArgumentParser(prog=f"{start} {script}")
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    for option in fields(cls) if cls else ():
        default = option.default if option.default is not MISSING else None
        flag = f"--{option.name.replace('_', '-')}"
        parser.add_argument(flag, dest=option.name, help=f"default: {default!r}")
    return parser
