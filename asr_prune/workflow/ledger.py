"""What is done: for each work the digests of its inputs, arguments, code and outputs, so that it is
skipped by content and not by date.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr_prune import integrity
from asr_prune.errors import UserError
from asr_prune.files import atomic, digest
from asr_prune.run_dir import LEDGER
from asr_prune.workflow.code import Sources
from asr_prune.workflow.processor import this_machine

MISSING = "missing"
#: what has changed if a work's arguments are others than they were
OTHER_SETTINGS = "settings"


class Hashes:
    """SHA-256 of files, remembered by size and time of change so that large archives are read once."""

    def __init__(self, path: Path) -> None:
        content = read_json(path)
        self.path = path
        self.files: dict[str, list[Any]] = content.get("files", {})
        self.sources = Sources(content.get("sources", {}))
        self.learnt = False

    def of(self, path: Path) -> str:
        """SHA-256 of `path`, hexadecimal; "missing" if there is no such file."""
        if not path.is_file():
            return MISSING
        stat = path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        known = self.files.get(str(path))
        if known is None or known[:2] != stamp:
            self.files[str(path)] = known = [*stamp, digest(path)]
            self.learnt = True
        return str(known[2])

    def save(self) -> None:
        """Writes what was learnt. If that fails, files are read again next time."""
        if self.learnt or self.sources.learnt:
            with suppress(UserError), atomic(self.path) as file:
                json.dump({"files": self.files, "sources": self.sources.known}, file)
        self.learnt = self.sources.learnt = False


@dataclass(frozen=True)
class Fingerprint:
    """What a work depends on, as plain values.

    job: the function; arguments: a digest; inputs: SHA-256 by file or listing; code: digest by module or script;
    libraries: version by distribution.
    """

    job: str
    arguments: str
    inputs: Mapping[str, str]
    code: Mapping[str, str]
    libraries: Mapping[str, str]

    def digest(self) -> str:
        return digest_of(vars(self))

    def changes(self, before: Mapping[str, Any]) -> list[str]:
        """What differs from a recorded fingerprint, in words."""
        lines = [OTHER_SETTINGS] if before.get("arguments") != self.arguments else []
        for name, words in (("inputs", "{}"), ("code", "code of {}"), ("libraries", "version of {}")):
            now, old = getattr(self, name), before.get(name, {})
            changed = sorted(key for key in {**now, **old} if now.get(key) != old.get(key))
            lines += [words.format(_shown(changed))] if changed else []
        return lines or (["job"] if before.get("job") != self.job else [])

    def changed_in_code_only(self, before: Mapping[str, Any]) -> bool:
        """Whether nothing but code and library versions differs from a recorded fingerprint."""
        return before.get("arguments") == self.arguments and before.get("inputs") == dict(self.inputs)


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more


def digest_of(content: Any) -> str:
    """SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=dict).encode()).hexdigest()


class Ledger:
    """What one folder's works have done, in `<folder>/.stages/`."""

    def __init__(self, folder: Path, hashes: Hashes) -> None:
        self.folder, self.hashes = folder / LEDGER, hashes

    def recorded(self, entry: str) -> dict[str, Any]:
        """The fingerprint and outputs of a work when it was last done; {} if it never was."""
        return read_json(self.folder / f"{entry}.json")

    def lost_output(self, entry: str) -> Path | None:
        """The first output of a recorded work that is missing or has changed."""
        outputs = self.recorded(entry).get("outputs", {})
        return next((Path(path) for path, value in outputs.items() if self.hashes.of(Path(path)) != value), None)

    def written(self, stage: str, path: Path) -> str | None:
        """SHA-256 of `path` as a work of `stage` left it, if known."""
        for entry in (self.folder / f"{stage}.json", *sorted(self.folder.glob(f"{stage}-*.json"))):
            if recorded := read_json(entry).get("outputs", {}).get(str(path)):
                return str(recorded)
        return None

    def mark(self, entry: str, fingerprint: Fingerprint, outputs: Iterable[Path], accepted: Iterable[str] = ()) -> None:
        """Records that a work is done, and its outputs in the manifests of their folders.

        accepted: code changes that were accepted without doing it again.
        """
        digests = {path: self.hashes.of(path) for path in outputs}
        integrity.record(entry.partition("-")[0], {path: own for path, own in digests.items() if own != MISSING})
        content = {
            **{name: dict(value) if isinstance(value, Mapping) else value for name, value in vars(fingerprint).items()},
            "outputs": {str(path): own for path, own in digests.items()},
            "code_accepted": list(accepted),
            "machine": this_machine(),
        }
        with atomic(self.folder / f"{entry}.json") as file:
            json.dump(content, file, indent=1)

    def forget(self, entry: str, outputs: Iterable[Path]) -> None:
        """Records that a work is not done, before its outputs, `outputs` and those recorded, are touched."""
        integrity.forget([*outputs, *map(Path, self.recorded(entry).get("outputs", {}))])
        (self.folder / f"{entry}.json").unlink(missing_ok=True)

    def begin(self, entry: str, fingerprint: str, unfinished: Iterable[Path] = ()) -> None:
        """Records that a work has begun. Unless it had begun before with the same fingerprint, the
        files and folders `unfinished` are removed first.
        """
        if self.begun(entry) == fingerprint:
            return
        for left in unfinished:
            if left.is_file():
                left.unlink()
            shutil.rmtree(left, ignore_errors=True)
        with atomic(self.folder / f"{entry}.begun") as file:
            file.write(fingerprint)

    def begun(self, entry: str) -> str:
        """The fingerprint with which a work began last; empty if it never did."""
        path = self.folder / f"{entry}.begun"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def accepted(self) -> list[str]:
        """Works whose code changes were accepted."""
        paths = sorted(self.folder.glob("*.json"))
        return [path.stem for path in paths if read_json(path).get("code_accepted")]


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; {} if there is none or it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
