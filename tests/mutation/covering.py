"""Which tests reach a line, from pytest-cov with contexts, and how long they last."""

from __future__ import annotations

import ast
import json
import os
from collections import defaultdict
from pathlib import Path

import coverage
import pytest

#: the tests that are run; whole recipes would take too long for each mutant
TESTS = ("score", "workflow", "corpus/test_fix.py", "hmm", "pruning", "decode", "kaldi")
TESTS += ("acoustic/test_train.py",)


class Durations:
    """A plugin of pytest that adds up the seconds of each test, and of fixtures made for it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.unusable: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if not report.passed:
            self.unusable.add(report.nodeid)

    def passed(self) -> dict[str, float]:
        return {test: self.seconds[test] for test in self.seconds.keys() - self.unusable}


def measure(into: Path) -> int:
    """Runs TESTS in the current folder, writes `into`/coverage and `into`/durations.json."""
    os.environ["COVERAGE_FILE"] = str(into / "coverage")
    durations = Durations()
    (into / "coveragerc").write_text("[run]\nrelative_files = true\n")
    options = ["--cov=asr_prune", f"--cov-config={into / 'coveragerc'}", "--cov-context=test"]
    options += ["--cov-report=", "-p", "no:cacheprovider"]
    tests = [f"tests/{name}" for name in TESTS]
    code = pytest.main(["-q", *options, *tests], plugins=[durations])
    (into / "durations.json").write_text(json.dumps(durations.passed(), sort_keys=True, indent=1))
    return int(code)


class Covering:
    """What `measure` wrote about the checkout `root`."""

    def __init__(self, root: Path, measured: Path) -> None:
        self.root = root
        self.seconds: dict[str, float] = json.loads((measured / "durations.json").read_text())
        self.data = coverage.CoverageData(str(measured / "coverage"))
        self.data.read()

    def tests(self, path: str, line: int) -> list[list[str]]:
        """Tests that reach the line: those of its own file, of its folder, others.

        Each of the three begins with the shortest. A line that runs at import is taken to be
        reached by all that reach any line of the file, and by the tests of its own file.
        """
        contexts = self.data.contexts_by_lineno(path)
        tree = ast.parse((self.root / path).read_text(encoding="utf-8"))
        at_call = in_function(tree, line)
        lines = statement(tree, line) if at_call else contexts
        found = {context.rpartition("|")[0] for at in lines for context in contexts.get(at, [])}
        found |= {test for test in self.seconds if not at_call and not distance(path, test)}
        nearness: list[list[str]] = [[], [], []]
        for test in sorted(found & self.seconds.keys(), key=self.seconds.__getitem__):
            nearness[distance(path, test)].append(test)
        return nearness


def in_function(tree: ast.AST, line: int) -> bool:
    """Whether the line runs when a function is called, and not at import."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return any(each.body[0].lineno <= line <= (each.end_lineno or 0) for each in functions)


def statement(tree: ast.AST, line: int) -> range:
    """The lines of the statement of `line`; of one with a body, those before the body."""
    lines = range(line, line + 1)
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
            body = getattr(node, "body", None)
            end = body[0].lineno if body else (node.end_lineno or 0) + 1
            if line < end and not isinstance(node, ast.FunctionDef | ast.ClassDef):
                lines = range(node.lineno, end)
    return lines


def distance(path: str, test: str) -> int:
    """0: the test file of the module; 1: one of its folder; 2: another."""
    module = Path(path).relative_to("asr_prune")
    file = Path(test.partition("::")[0]).relative_to("tests")
    if file.parent != module.parent:
        return 2
    return 0 if file.name == f"test_{module.name}" or "methods" in module.parts else 1
