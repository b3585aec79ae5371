"""The code that a job runs: its import closure, found by reading the sources, and what that code
does.

Nothing is imported. Imports under TYPE_CHECKING do not count; imports inside functions do.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from asr_prune.spread.identity import LIBRARIES, version_of

PACKAGE = Path(__file__).resolve().parent.parent
NAME = PACKAGE.name


@dataclass(frozen=True)
class Source:
    """One source file: digest of what it does, and the modules that it names in imports."""

    digest: str
    imports: tuple[str, ...]


@dataclass
class Sources:
    """Source files read so far, by path, size and time of change; `known` can be kept between processes."""

    known: dict[str, list[Any]] = field(default_factory=dict)
    learnt: bool = False

    def of(self, path: Path, module: str = "") -> Source:
        """The source in `path`. module: its name, if it is of another package."""
        stat = path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        entry = self.known.get(str(path))
        if entry is None or entry[:2] != stamp:
            source = _read(path, module or module_of(path))
            self.known[str(path)] = entry = [*stamp, source.digest, list(source.imports)]
            self.learnt = True
        return Source(entry[2], tuple(entry[3]))

    def closure(self, modules: Iterable[str]) -> dict[str, Source]:
        """The modules that `modules` run, of this package and of those that they name from elsewhere
        (methods by entry point), themselves and the packages around them included.
        """
        modules = list(modules)
        packages = {NAME, *(module.partition(".")[0] for module in modules)}
        found: dict[str, Source] = {}
        waiting = [name for module in modules for name in _with_parents(module)]
        while waiting:
            module = waiting.pop()
            path = path_of(module) if module.partition(".")[0] in packages else None
            if module in found or path is None:
                continue
            found[module] = self.of(path, module)
            for name in found[module].imports:
                waiting += _with_parents(name)
        return dict(sorted(found.items()))

    def libraries(self, sources: Iterable[Source]) -> dict[str, str]:
        """Versions of the libraries of LIBRARIES that these sources import."""
        tops = {name.partition(".")[0] for source in sources for name in source.imports}
        return {LIBRARIES[top]: version_of(LIBRARIES[top]) for top in sorted(tops & LIBRARIES.keys())}


@cache
def path_of(module: str) -> Path | None:
    """The file of a module of this package or of another; None for names within a module."""
    head, _, rest = module.partition(".")
    if head == NAME:
        return _below(PACKAGE, rest)
    spec = importlib.util.find_spec(head)  # which imports nothing, as it lies in no package
    if spec is None or not (rest or spec.submodule_search_locations):
        return Path(spec.origin) if spec and spec.origin else None
    folders = map(Path, spec.submodule_search_locations or ())
    return next((path for folder in folders if (path := _below(folder, rest))), None)


def _below(package: Path, rest: str) -> Path | None:
    """The file of the module `rest` of a package, of the package itself for ""."""
    base = package.joinpath(*rest.split(".")) if rest else package
    compiled = sorted(base.parent.glob(f"{base.name}.*.so")) if rest else []
    places = (base.with_suffix(".py"), base / "__init__.py", *compiled)
    return next((path for path in places if path.is_file()), None)


def _read(path: Path, module: str) -> Source:
    """A source, or a compiled module, whose imports are not known."""
    if path.suffix != ".py":
        return Source(hashlib.sha256(path.read_bytes()).hexdigest(), ())
    # relative imports of a package are below itself
    name = f"{module}.__init__" if path.stem == "__init__" else module
    return read_source(path.read_text(encoding="utf-8"), name)


def module_of(path: Path) -> str:
    """The module's name; of a script outside the package its stem."""
    if PACKAGE not in path.parents:
        return path.stem
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _with_parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


def read_source(text: str, module: str) -> Source:
    """What a source does, without comments and docstrings, alike in every version of Python; and its imports."""
    tree = ast.parse(text)
    imports = tuple(dict.fromkeys(_imports(tree, module)))
    digest = hashlib.sha256()
    for piece in _meaning(tree):
        digest.update(piece.encode())
    return Source(digest.hexdigest(), imports)


def _imports(tree: ast.AST, module: str) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        yield from _imports(node, module)


def _base(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    parents = module.split(".")[: -node.level]
    return ".".join([*parents, *([node.module] if node.module else [])])


def _meaning(node: Any) -> Iterator[str]:
    """A canonical text of a syntax tree: ast.dump differs from one version of Python to the next."""
    if isinstance(node, ast.AST):
        yield f"{type(node).__name__}("
        for name in sorted(node._fields):
            value: Any = getattr(node, name, None)
            if name == "body" and _has_docstring(node):
                value = value[1:]
            if isinstance(node, ast.JoinedStr) and name == "values":
                value = _joined(value)
            if value is None or value == [] or name in ("kind", "type_comment", "ctx"):
                continue
            yield f"{name}="
            yield from _meaning(value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for inner in node:
            yield from _meaning(inner)
            yield ","
        yield "]"
    else:
        yield repr(node)


def _has_docstring(node: ast.AST) -> bool:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None


def _joined(values: list[Any]) -> list[Any]:
    """The parts of an f-string, constants next to each other as one: versions of Python cut them differently."""
    parts: list[Any] = []
    for value in values:
        if isinstance(value, ast.Constant) and parts and isinstance(parts[-1], ast.Constant):
            parts[-1] = ast.Constant(str(parts[-1].value) + str(value.value))
        else:
            parts.append(value)
    return [part for part in parts if not (isinstance(part, ast.Constant) and part.value == "")]
