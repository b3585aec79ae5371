"""What the installed package requires, and the versions that are there."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
import shlex
import shutil
import sys
from dataclasses import dataclass

_CLAUSE = re.compile(r"(==|!=|>=|<=|>|<|~=)\s*([\w.*+!-]+)")
#: optional parts of the package that users install
EXTRAS = ("demo", "demo_large", "export")


@dataclass(frozen=True)
class Requirement:
    """A library that the package requires.

    specifier: of its versions, as in pyproject.toml; extra: the optional part that requires it, ""
    for the package itself; installed: the version, "" if it is absent.
    """

    name: str
    specifier: str
    extra: str
    installed: str

    @property
    def absent(self) -> bool:
        return not self.installed

    @property
    def met(self) -> bool:
        """Whether a version that fits is installed."""
        return bool(self.installed) and fits(self.installed, self.specifier)

    @property
    def pinned(self) -> bool:
        return self.specifier.startswith("==")

    @property
    def text(self) -> str:
        """As on pip's command line."""
        return f"{self.name}{self.specifier}"


def python_requirement(distribution: str) -> Requirement:
    """The range of Python versions. Raises PackageNotFoundError."""
    wanted = importlib.metadata.metadata(distribution)["Requires-Python"] or ""
    return Requirement("Python", wanted, "", platform.python_version())


def library_requirements(distribution: str) -> list[Requirement]:
    """Of the package and of EXTRAS; those with conditions other than an extra are left out.

    Raises PackageNotFoundError if the distribution is not installed.
    """
    parsed = map(_parsed, importlib.metadata.requires(distribution) or [])
    return [requirement for requirement in parsed if requirement]


def _parsed(line: str) -> Requirement | None:
    wanted, _, marker = line.partition(";")
    head = re.match(r"\s*([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?([^)]*)\)?", wanted)
    extra = re.fullmatch(r"\s*extra\s*==\s*['\"](\w+)['\"]\s*", marker)
    if head is None or (marker and (extra is None or extra[1] not in EXTRAS)):
        return None
    specifier = head[2].replace(" ", "")
    return Requirement(head[1], specifier, extra[1] if extra else "", installed_version(head[1]))


def installed_version(distribution: str) -> str:
    """The version, "" if the distribution is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def fits(version: str, specifier: str) -> bool:
    """Whether a version satisfies all clauses, such as `>=2.7,<3` or `==2.11.*` (PEP 440).

    Only the numbers of the release are compared: local versions (`+cpu`) and pre-releases count as
    the release itself.
    """
    return all(_holds(version, *clause) for clause in _CLAUSE.findall(specifier))


def _holds(version: str, operator: str, wanted: str) -> bool:
    prefix = wanted.endswith(".*") or operator == "~="
    numbers, bound = _release(version), _release(wanted.removesuffix(".*"))
    if operator == "~=":
        return numbers >= bound and numbers[: len(bound) - 1] == bound[:-1]
    length = len(bound) if prefix else max(len(numbers), len(bound))
    left, right = (_padded(part, length) for part in (numbers, bound))
    equal = left[:length] == right
    order = {"==": equal, "!=": not equal, ">=": left >= right, "<=": left <= right}
    return {**order, ">": left > right, "<": left < right}[operator]


def _release(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def _padded(numbers: tuple[int, ...], length: int) -> tuple[int, ...]:
    return numbers + (0,) * (length - len(numbers))


def install_command(*requirements: Requirement, again: bool = False) -> str:
    """The command that installs these versions here; again: also if they seem to be installed."""
    python = shlex.quote(sys.executable)
    if importlib.util.find_spec("pip") is None and shutil.which("uv"):
        words = ["uv pip install --python", python, *(["--reinstall"] if again else [])]
    else:
        words = [python, "-m pip install", *(["--force-reinstall"] if again else [])]
    names = [shlex.quote(requirement.text) for requirement in requirements]
    return " ".join([*words, *(["--no-deps"] if again else []), *names])
