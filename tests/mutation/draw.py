"""Draws mutants of the package: distinct lines by a seed, and on each line one of its mutations.

The mutations are those of Cosmic Ray: other operators and comparisons, numbers one up or down,
conditions turned round, loops that end at once, decorators left out, exceptions not caught.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from parso.tree import NodeOrLeaf

#: what is mutated, from the root of the checkout
PLACES = ("pruning", "decode", "hmm", "score", "workflow/ledger.py", "acoustic/train.py")
PLACES += ("corpus/fix.py",)
#: fewest of a place
FEWEST = 10
BITS = "BitOr|BitAnd|BitXor|LShift|RShift"
#: no mutants: `is` for `==` and the reverse, which differ by accident only; bit operators for others
#: and the reverse, which floats and paths do not have; operators that need names of variables
LEFT_OUT = re.compile(
    r"(?<!Is)(?<!IsNot)_Is(Not)?$|_Is(Not)?_(?!Is)|Variable(Replacer|Inserter)$"
    rf"|Binary.*_(?!{BITS})[A-Za-z]+_({BITS})$|Binary.*_({BITS})_(?!{BITS})"
)


class Mutant(NamedTuple):
    path: str  # from the root of the checkout
    line: int
    operator: str
    occurrence: int  # of the operator in the file
    before: str  # the line
    after: str

    @property
    def place(self) -> str:
        return next(place for place in PLACES if self.path.startswith(f"asr_prune/{place}"))

    def __str__(self) -> str:
        return f"{self.path}:{self.line}  {self.before}  ->  {self.after}"

    def code(self, source: str) -> str:
        """The mutated source of the file."""
        mutated = mutate_code(source, get_operator(self.operator)(), self.occurrence)
        assert mutated is not None
        return str(mutated)


def draw(root: Path, number: int, seed: int) -> list[Mutant]:
    """About `number` mutants, spread over the places as their lines are.

    All are on lines of their own. They are the same for the same seed, number and code.
    """
    dice = random.Random(seed)
    places = [lines_of(root, root / "asr_prune" / place) for place in PLACES]
    whole = sum(map(len, places))
    drawn = []
    for lines in places:
        wanted = max(FEWEST, round(number * len(lines) / whole))
        for path, line in dice.sample(sorted(lines), min(wanted, len(lines))):
            choices = lines[path, line]
            dice.shuffle(choices)
            made = (shown(root, path, line, *choice) for choice in choices)
            drawn += list(islice(filter(None, made), 1))
    return drawn


def lines_of(root: Path, place: Path) -> dict[tuple[str, int], list[tuple[str, int]]]:
    """Operators and occurrences, by path and line."""
    lines: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for path in files(place):
        for line, operator, occurrence in mutations(path.read_text(encoding="utf-8")):
            key = str(path.relative_to(root)), line
            lines.setdefault(key, []).append((operator, occurrence))
    return lines


def files(place: Path) -> list[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]


def mutations(source: str) -> Iterator[tuple[int, str, int]]:
    """Line, operator and its occurrence of each mutation outside annotations."""
    nodes, hidden = list(ast_nodes(get_ast(source))), annotations(source)
    for name in operator_names():
        if LEFT_OUT.search(name):
            continue
        operator = get_operator(name)()
        found = ((node, at) for node in nodes for at in operator.mutation_positions(node))
        for occurrence, (node, (start, end)) in enumerate(found):
            evaluated = not any(first <= start and end <= last for first, last in hidden)
            if evaluated and not joins_path(node) and not guards(node):
                yield start[0], name, occurrence


def guards(node: NodeOrLeaf) -> bool:
    """Whether it is the True of strict=True or frozen=True, which sound code never notices."""
    words = node.parent.get_code(include_prefix=False) if node.parent else ""
    return node.type == "keyword" and words in ("strict=True", "frozen=True")


def joins_path(node: NodeOrLeaf) -> bool:
    """Whether it is an operator before a string, as in `folder / "text"`."""
    after = node.get_next_leaf() if node.type == "operator" else None
    return after is not None and after.type in ("string", "fstring_start")


def annotations(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where annotations, which are never evaluated, and the test of TYPE_CHECKING begin and end."""
    tree = ast.walk(ast.parse(source))
    nodes: list[ast.AST | None] = []
    for node in tree:
        nodes += [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes.append(node)
    return [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
        for node in nodes
        if isinstance(node, ast.expr | ast.stmt)
    ]


def shown(root: Path, path: str, line: int, operator: str, occurrence: int) -> Mutant | None:
    """The mutant, with its line before and after; None where it cannot be made, or is no Python."""
    source = (root / path).read_text(encoding="utf-8")
    bare = Mutant(path, line, operator, occurrence, "", "")
    try:
        ast.parse(mutated := bare.code(source))
    except (SyntaxError, AttributeError):  # Cosmic Ray fails at `except module.Error`
        return None
    old, new = source.splitlines(), mutated.splitlines()
    after = new[line - 1].strip() if len(new) == len(old) else "(left out)"
    return bare._replace(before=old[line - 1].strip(), after=after)
