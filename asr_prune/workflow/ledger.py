"""What is already done: fingerprints of inputs, recipe part and code, so that a stage is skipped by content and not by
date.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from asr_prune.errors import UserError
from asr_prune.files import atomic, digest

PACKAGE = Path(__file__).resolve().parent.parent


class Hashes:
    """SHA-256 of files, remembered by size and time of change, so that large archives are read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, list[Any]] = _read_json(path)
        self.learnt = False

    def of(self, path: Path) -> str:
        """SHA-256 of `path`, hexadecimal; "missing" where there is no such file."""
        if not path.is_file():
            return "missing"
        stat = path.stat()
        now = [stat.st_size, stat.st_mtime_ns]
        known = self.known.get(str(path))
        if known is None or known[:2] != now:
            self.known[str(path)] = known = [*now, digest(path)]
            self.learnt = True
        return str(known[2])

    def save(self) -> None:
        """Writes what was learnt, if anything was; where that cannot be, files are read again next time."""
        if self.learnt:
            with suppress(UserError), atomic(self.path) as file:
                json.dump(self.known, file)
        self.learnt = False


class Ledger:
    """What one folder's stages have done, in `<folder>/.stages/`."""

    def __init__(self, folder: Path, hashes: Hashes) -> None:
        self.folder, self.hashes = folder / ".stages", hashes

    def fingerprint(self, stage: str, part: Any, inputs: Iterable[Path], code: Iterable[str]) -> str:
        """One digest of a stage's part of the recipe, its input files' contents and the code that works on them."""
        content = {
            "stage": stage,
            "part": plain(part),
            "inputs": {str(path): self.hashes.of(path) for path in inputs},
            "code": {name: code_digest(name) for name in code},
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def is_done(self, stage: str, fingerprint: str) -> bool:
        """Whether `stage` has run with this fingerprint and all that it wrote is there unchanged."""
        state = _read_json(self.folder / f"{stage}.json")
        if state.get("fingerprint") != fingerprint:
            return False
        return all(self.hashes.of(Path(path)) == value for path, value in state["outputs"].items())

    def written(self, stage: str, path: Path) -> str | None:
        """SHA-256 of `path` as `stage` left it, where that is known."""
        for entry in (self.folder / f"{stage}.json", *sorted(self.folder.glob(f"{stage}-*.json"))):
            if found := _read_json(entry).get("outputs", {}).get(str(path)):
                return str(found)
        return None

    def mark(self, stage: str, fingerprint: str, outputs: Iterable[Path]) -> None:
        """Notes that `stage` is done."""
        with atomic(self.folder / f"{stage}.json") as file:
            json.dump(
                {"fingerprint": fingerprint, "outputs": {str(p): self.hashes.of(p) for p in outputs}}, file, indent=1
            )

    def forget(self, stage: str) -> None:
        """Notes that `stage` is not done, before its outputs are touched."""
        (self.folder / f"{stage}.json").unlink(missing_ok=True)

    def begin(self, stage: str, fingerprint: str) -> bool:
        """Notes that `stage` has begun; whether it had begun before with this fingerprint, and may be continued."""
        path = self.folder / f"{stage}.begun"
        same = path.is_file() and path.read_text(encoding="utf-8") == fingerprint
        with atomic(path) as file:
            file.write(fingerprint)
        return same


def plain(value: Any) -> Any:
    """Options as values that JSON can hold."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


@cache
def code_digest(name: str) -> str:
    """Digest of a source file or of all in a folder: of what it does, not of its comments and docstrings.

    `name` is relative to the package, or a path.
    """
    path = PACKAGE / name
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    total = hashlib.sha256()
    for file in files:
        total.update(_meaning(file.read_text(encoding="utf-8")).encode())
    return total.hexdigest()


def _meaning(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    return ast.dump(tree)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
