"""Digests of written files, in a manifest `SHA256SUMS` beside them, and their check before files are read back."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

from asr_prune.errors import UserError
from asr_prune.files import Readable, atomic, digest

#: of a folder: `sha256sum -c SHA256SUMS` checks it by hand
MANIFEST = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_COMMAND = re.compile(r"# asr-prune (\w+)")

R = TypeVar("R", bound=Readable)


class Damaged(UserError):
    """The bytes of a file are not those that were written."""


class _Entry(NamedTuple):
    sha256: str
    command: str  # of asr-prune, that wrote the file; "" if unknown


class _Stamp(NamedTuple):
    """Changes when a file is rewritten."""

    path: str
    inode: int
    size: int
    mtime_ns: int


def checked(path: R) -> R:
    """`path`, once its bytes have been compared with its folder's manifest.

    A file that no manifest names is not compared: one from elsewhere, or a part of a packed model, which has digests of
    its own. A file is read once per process, unless it has been rewritten since. Raises Damaged if the bytes differ.
    """
    if not isinstance(path, Path) or not path.is_file():
        return path
    manifest = path.with_name(MANIFEST)
    entry = _entries(manifest).get(path.name)
    if entry and _digest(_stamp(path)) != entry.sha256:
        raise Damaged(_complaint(path, manifest, entry.command))
    return path


def _complaint(path: Path, manifest: Path, command: str) -> str:
    again = f"copy it again{f', or delete it and run asr-prune {command} again' if command else ''}"
    line = shlex.quote(f"/ {re.escape(path.name)}$/d")
    accept = f"sed -i.bak {line} {shlex.quote(str(manifest))}"
    return (
        f"{path} is damaged: its bytes differ from those that were written ({MANIFEST} in its folder); {again}; "
        f"if you changed it on purpose, take its line out of the list: {accept}"
    )


def written_digest(path: Path) -> str | None:
    """SHA-256 of a file as it was written last, hexadecimal; None if no manifest names it."""
    entry = _entries(path.with_name(MANIFEST)).get(path.name)
    return entry.sha256 if entry else None


def record(command: str, digests: Mapping[Path, str]) -> None:
    """Adds files, which `command` of asr-prune has written, to the manifests of their folders.

    digests: SHA-256, hexadecimal. Raises UserError if a manifest cannot be written.
    """
    for folder, names in _by_folder(digests).items():
        added = {name: _Entry(digests[path], command) for name, path in names.items()}
        _write(folder / MANIFEST, {**_entries(folder / MANIFEST), **added})


def forget(paths: Iterable[Path]) -> None:
    """Takes files out of the manifests, before they are written again. Raises UserError as `record`."""
    for folder, names in _by_folder(paths).items():
        before = _entries(folder / MANIFEST)
        after = {name: entry for name, entry in before.items() if name not in names}
        if after != before:
            _write(folder / MANIFEST, after)


def _by_folder(paths: Iterable[Path]) -> dict[Path, dict[str, Path]]:
    folders: defaultdict[Path, dict[str, Path]] = defaultdict(dict)
    for path in paths:
        folders[path.parent][path.name] = path
    return folders


def _entries(manifest: Path) -> Mapping[str, _Entry]:
    """By file name; empty without a manifest."""
    try:
        return _parsed(_stamp(manifest))
    except (FileNotFoundError, NotADirectoryError):  # the writer says what is in a folder's place
        return {}
    except OSError as error:
        raise UserError(f"cannot read {manifest}: {error.strerror}; make it readable or delete it.") from error


def _stamp(path: Path) -> _Stamp:
    stat = path.stat()
    return _Stamp(str(path.absolute()), stat.st_ino, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1024)
def _parsed(manifest: _Stamp) -> dict[str, _Entry]:
    with open(manifest.path, encoding="utf-8", errors="surrogateescape") as file:
        lines = file.read().splitlines()
    entries, command = {}, ""
    for line in lines:
        if heading := _COMMAND.fullmatch(line):
            command = heading[1]
        elif found := _LINE.fullmatch(line):
            entries[found[2]] = _Entry(found[1], command)
    return entries


@lru_cache(maxsize=4096)
def _digest(file: _Stamp) -> str:
    return digest(Path(file.path))


def _write(manifest: Path, entries: Mapping[str, _Entry]) -> None:
    if not entries:
        manifest.unlink(missing_ok=True)
        return
    commands: defaultdict[str, list[str]] = defaultdict(list)
    for name, entry in sorted(entries.items()):
        commands[entry.command].append(f"{entry.sha256}  {name}\n")
    with atomic(manifest, "wb") as file:
        for command, lines in sorted(commands.items()):
            heading = [f"# asr-prune {command}\n"] if command else []
            file.write("".join([*heading, *lines]).encode("utf-8", "surrogateescape"))
