"""A work: one thing that a stage does, declared but not done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Files:
    """The files below `root` that match any of `patterns` (Path.glob), or `root` itself if it is a
    file.

    They count by content. The runner looks for them, so that a stage can name files it has not
    seen.
    """

    root: Path
    patterns: tuple[str, ...]

    def paths(self) -> list[Path]:
        """The files that exist now, sorted."""
        if self.root.is_file():
            return [self.root]
        matches = {path for pattern in self.patterns for path in self.root.glob(pattern)}
        return sorted(path for path in matches if path.is_file() and not path.name.startswith("."))


@dataclass(frozen=True)
class Listing:
    """Files that count by name, size and time of change only, because reading them all takes too
    long: audio.

    places: a function of the package, "module:function"; called with `arguments` it yields files
    and folders.
    """

    places: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """What is to be done, what it reads and what it writes. Making a Work changes nothing on disk.

    stage: the stage it belongs to; says: what the log says when it begins; job: a function of the
    package, "module:function", imported only if the work is due; arguments: plain values that the
    job takes by name, which count for the fingerprint; inputs: files that it reads, each with the
    stage that makes it; outputs: files that must exist, unchanged, for the work to count as done;
    home: folder in whose ledger the work is recorded; piece: what it is of the stage, if the stage
    does several things; run: the training run that it is for; fold: of a cross-validation that it
    belongs to; optional: further files that count if they exist; after: stages that make some of
    these; uncounted: further arguments of the job that do not count (processes, wording); code:
    modules that the job finds by name, whose code counts as well; scripts: code outside the package
    that counts, by a name that does not depend on where the project is; unfinished: files and
    folders where a job that was interrupted has what it had done; they are removed before a work
    with another fingerprint begins; outdates: files that tell of its outputs, and are removed
    before it begins.

    The job may return paths: further files that it wrote.
    """

    stage: str
    says: str
    job: str
    arguments: Mapping[str, Any]
    inputs: Mapping[Path, str]
    outputs: Sequence[Path]
    home: Path
    piece: str = ""
    run: str = ""
    fold: str = ""
    optional: Sequence[Path | Files | Listing] = ()
    after: Sequence[str] = ()
    uncounted: Mapping[str, Any] = field(default_factory=dict)
    code: Sequence[str] = ()
    scripts: Mapping[str, Path] = field(default_factory=dict)
    unfinished: Sequence[Path] = ()
    outdates: Sequence[Path] = ()

    @property
    def entry(self) -> str:
        """Its name in the ledger."""
        return f"{self.stage}-{self.piece}" if self.piece else self.stage

    @property
    def title(self) -> str:
        """Its name in the log: stage, piece, fold and run."""
        fold = self.fold and f"fold {self.fold}"
        return " ".join(filter(None, (self.stage, self.piece, fold, self.run)))


def plain(value: Any) -> Any:
    """Options and paths as values that JSON can hold. Fields that a class names in `LATER` are left
    out at their defaults.
    """
    if is_dataclass(value) and not isinstance(value, type):
        later = getattr(value, "LATER", ())
        kept = (f for f in fields(value) if f.name not in later or getattr(value, f.name) != f.default)
        return {f.name: plain(getattr(value, f.name)) for f in kept}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def optional_files(work: Work) -> Iterable[Path]:
    """The single files among a work's optional inputs, those of Files included."""
    for item in work.optional:
        if isinstance(item, Files):
            yield from item.paths()
        elif isinstance(item, Path):
            yield item
