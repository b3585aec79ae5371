"""What `tests/house.py` reads in the syntax tree of one file: imports, code lists, blanks, names, sizes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

#: methods of str that, without an argument, take for a blank what C does not
BLANK_METHODS = {"split", "rsplit", "strip", "lstrip", "rstrip", "splitlines", "isspace"}


class Module(NamedTuple):
    name: str  # dotted
    path: Path  # from the root of the checkout
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.name.split(".")[1] if "." in self.name else ""


class Import(NamedTuple):
    """An import statement. names: full names of the modules; alone: for annotations alone."""

    module: Module
    line: int
    names: list[str]
    lazy: bool
    alone: bool


def code_lists(node: ast.AST, places: set[str], in_work: bool) -> Iterator[int]:
    if isinstance(node, ast.List | ast.Tuple):
        texts = {str(leaf.value) for leaf in ast.walk(node) if isinstance(leaf, ast.Constant)}
        if any(in_work or text.endswith(".py") for text in texts & places):
            yield node.lineno
            return
    is_work = isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Work"
    for child in ast.iter_child_nodes(node):
        yield from code_lists(child, places, is_work)


def blanks(tree: ast.AST) -> Iterator[int]:
    """Lines with `text.split()` and the like, `str.split` as a function, or `path.read_text()`."""
    called = {node.func: node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    json = {leaf for func, node in called.items() if ast.unparse(func) == "json.loads" for leaf in ast.walk(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        call = called.get(node)
        plain = call is not None and not call.args and not call.keywords
        bare = node.attr in BLANK_METHODS and (plain or ast.unparse(node).startswith("str."))
        if bare or (node.attr == "read_text" and node not in json and call is not None):
            yield node.lineno


def public_names(tree: ast.Module) -> Iterator[str]:
    """Public names of a module, without its logger and its type variables."""
    for node in tree.body:
        names: list[str] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            value = ast.unparse(node.value).split("(")[0] if node.value else ""
            if value not in ("logging.getLogger", "TypeVar", "ParamSpec"):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                leaves = (leaf for target in targets for leaf in ast.walk(target))
                names = [leaf.id for leaf in leaves if isinstance(leaf, ast.Name)]
        yield from (name for name in names if not name.startswith("_"))


def function_length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    span = (node.end_lineno or node.lineno) - node.lineno + 1
    doc = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
    return span - ((doc.end_lineno or doc.lineno) - doc.lineno + 1 if doc else 0)
