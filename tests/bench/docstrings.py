"""English text of this Python environment's own making: `python tests/bench/docstrings.py --words 1000000 > text.txt`.

The sentences of the docstrings of the standard library and of all installed packages, in upper case, each once, those
with signs of a programming language left out; one a line.
"""

from __future__ import annotations

import argparse
import ast
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
END = re.compile(r"\n\s*\n|(?<=[.!?:])\s")
CODE = re.compile(r"[^\w\s.,;:'\"()!?-]|_")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
SHORTEST = 5  # words of a sentence


def docstrings() -> Iterator[str]:
    """Of every Python file, by path, the standard library's first."""
    warnings.simplefilter("ignore")
    for name in ("stdlib", "purelib"):
        for path in sorted(Path(sysconfig.get_paths()[name]).rglob("*.py")):
            try:
                tree = ast.parse(path.read_bytes())
            except (SyntaxError, ValueError, RecursionError):
                continue
            found = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, DOCUMENTED))
            yield from filter(None, found)


def sentences() -> Iterator[list[str]]:
    """The words of each sentence."""
    seen = set()
    for text in docstrings():
        for sentence in END.split(text.lower()):
            words = () if CODE.search(sentence) else tuple(WORD.findall(sentence))
            if len(words) >= SHORTEST and words not in seen:
                seen.add(words)
                yield [word.upper() for word in words]


def main() -> None:
    """Prints sentences until there are words enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=1_000_000)
    left = parser.parse_args().words
    for words in sentences():
        if left <= 0:
            break
        print(" ".join(words))
        left -= len(words)


if __name__ == "__main__":
    main()
