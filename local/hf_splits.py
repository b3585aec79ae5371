"""Which files of a folder are tables, and of which split they or their rows are."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile
from pathlib import Path, PurePath

from .hf_tables import OBJECTS, PARQUET, SEPARATED, ending

#: words in the names of files and folders that name a split, as in `datasets`
KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_SPLITS = {word: split for split, words in KEYWORDS.items() for word in words}
_ENDS = (*SEPARATED, *OBJECTS, PARQUET)
_DEPTH = 3  # folders below the root in which tables are looked for
#: files of save_to_disk and of `datasets`, which are no tables
SAVED = ("dataset_dict.json", "state.json")
_NO_TABLES = {*SAVED, "dataset_info.json", "dataset_infos.json"}
_SHARD = re.compile(r"[-_.]\d+(-of-\d+)?$")


def tables_in(root: Path) -> list[Path]:
    """The tables of a folder, sorted; none if `datasets` is to load it: the output of save_to_disk,
    or parquet files whose README has configurations.

    Those are csv, tsv, JSON lines and parquet up to three folders below, and .json files named as a
    split. A table as root is itself.
    """
    if root.is_file():
        return [root] if ending(root) in _ENDS else []
    if any((root / name).is_file() for name in SAVED):
        return []
    found = [path for path in _tables_below(root) if ending(path) != ".json" or _is_of_a_split(path, root)]
    return [] if all(map(_plain_parquet, found)) and _has_configurations(root) else sorted(found)


def _tables_below(root: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(root, followlinks=True):
        inner[:] = [name for name in inner if name[0] not in "._"]
        if len(Path(folder).relative_to(root).parts) == _DEPTH:
            inner.clear()
        yield from (Path(folder, name) for name in names if name[0] not in "._" and name.lower().endswith(_ENDS))


def _plain_parquet(path: Path) -> bool:
    return ending(path) == PARQUET and path.stem != "metadata"


def _has_configurations(root: Path) -> bool:
    page = root / "README.md"
    return page.is_file() and "\nconfigs:" in page.read_text("utf-8", errors="replace").partition("\n---")[0]


def _is_of_a_split(path: Path, root: Path) -> bool:
    return path.name not in _NO_TABLES and bool(split_named(table_parts(path, root)))


def tables_of(root: Path, tables: Sequence[Path], split: str) -> list[Path]:
    """Those of `tables` whose file or folder has the split's name, or else a keyword of it.

    Parquet files train if none names a split.
    """
    ranks = {path: rank(table_parts(path, root), split) for path in tables}
    if best := max(ranks.values(), default=0):
        return [path for path in tables if ranks[path] == best]
    unnamed = all(_plain_parquet(path) and not split_named(table_parts(path, root)) for path in tables)
    return list(tables) if unnamed and _SPLITS.get(split.lower()) == "train" else []


def tables_of_all(root: Path, tables: Sequence[Path]) -> list[Path]:
    """The tables whose rows may be of any split: those called metadata, or else the only one."""
    rest = [path for path in tables if not split_named(table_parts(path, root))]
    metadata = [path for path in rest if path.stem == "metadata"]
    return metadata or (rest if len(rest) == 1 and not _plain_parquet(rest[0]) else [])


def folders_of(folders: Collection[tuple[str, ...]], split: str) -> set[tuple[str, ...]]:
    """Those of the folders of audio files that are of a split; all train if none names a split.

    What absolute folders have in common names none: /data/test_of_mine/train is of train.
    """
    absolute = zip(*filter(_is_absolute, folders), strict=False)
    common = sum(1 for _ in takewhile(lambda parts: len(set(parts)) == 1, absolute))
    inner = {folder: folder[common if _is_absolute(folder) else 0 :] for folder in folders}
    if not any(map(split_named, inner.values())) and _SPLITS.get(split.lower()) == "train":
        return set(folders)
    return {folder for folder in folders if rank(inner[folder], split)}


def _is_absolute(folder: Sequence[str]) -> bool:
    return bool(folder) and PurePath(folder[0]).is_absolute()


def rank(parts: Sequence[str], split: str) -> int:
    """2 if the first of `parts` that names a split has its exact name, 1 if a keyword, else 0."""
    for part in parts:
        if split in (part, _SHARD.sub("", part)):
            return 2
        if named := split_named([part]):
            return int(named == _SPLITS.get(split.lower()))
    return 0


def split_named(parts: Sequence[str]) -> str:
    """The split that the first of `parts` with a keyword names, in any case; empty if none does."""
    words = (word for part in parts for word in re.split(r"[-._ 0-9]+", part.lower()))
    return next((_SPLITS[word] for word in words if word in _SPLITS), "")


def table_parts(path: Path, root: Path) -> list[str]:
    """The table's name and then the folders below the root, outermost first."""
    return [path.stem, *path.relative_to(root if root.is_dir() else root.parent).parts[:-1]]
