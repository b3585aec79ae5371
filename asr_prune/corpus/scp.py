"""Paths in scp files, relative to the project, so that its folder can be moved.

The project is the current folder when commands run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

_ENTRY = re.compile(r"(.+):([0-9]{1,18})", re.DOTALL)


def project_path(path: Path | str) -> Path:
    """`path` relative to the current folder if it is below it, also by symlinks; else absolute."""
    here, path = Path.cwd(), Path(path).absolute()
    for each in (path, path.parent.resolve() / path.name):
        if each.is_relative_to(here) and ".." not in each.parts:
            return each.relative_to(here)
    return path


def project_paths(places: Mapping[str, str]) -> dict[str, str]:
    """Entries of an scp file, absolute ones below the current folder made relative to it.

    Pipes and other entries stay as they are. Symlinks are looked up once per folder.
    """
    folders: dict[str, Path] = {}
    result = dict(places)
    for key, place in places.items():
        if not os.path.isabs(place) or place.endswith("|"):
            continue
        folder, name = os.path.split(place)
        if folder not in folders:
            folders[folder] = project_path(folder)
        if not folders[folder].is_absolute():
            result[key] = str(folders[folder] / name)
    return result


def archive_path(scp: Path, archive: str) -> str:
    """Where the archive that an entry of `scp` names is.

    A relative path is looked for in this order; the first that exists is taken, else `archive`:

    1. in the project that `scp` belongs to, if the path begins with a folder in which `scp` lies:
       data/demo/train/feats.ark in /asr/data/demo/train/feats.scp is below /asr. A command run in
       another project therefore never reads the archives of that one;
    2. from the current folder, as Kaldi's programs do;
    3. from the folders above `scp`, the nearest first;
    4. beside `scp`, under the archive's name.

    An absolute path is looked for as it stands and then beside `scp`: scp files of earlier versions
    are absolute, and their project may have been moved.
    """
    candidates = (*_candidates(scp, archive), str(scp.parent / os.path.basename(archive)))
    return _first(candidates, os.path.isfile) or archive


def archive_entry(place: str) -> tuple[str, int | None]:
    """`archive:offset` as (archive, byte offset); (place, None) for anything else, also for a file
    of that name.

    No archive is as long as an offset of more than 18 digits says.
    """
    found = _ENTRY.fullmatch(place)
    return (found[1], int(found[2])) if found and not os.path.exists(place) else (place, None)


def audio_paths(scp: Path, places: Mapping[str, str]) -> dict[str, str]:
    """Where the files are that the entries of a wav.scp name.

    As `archive_path`, but never beside `scp`, and the folder of a file decides, so that few paths
    are looked up. Absolute paths and pipes stay as they are.
    """
    folders: dict[str, str | None] = {}
    result = dict(places)
    for key, place in places.items():
        if os.path.isabs(place) or "/" not in place or place.endswith("|"):
            continue
        folder, name = os.path.split(place)
        if folder not in folders:
            folders[folder] = _first(_candidates(scp, folder), os.path.isdir)
        if (path := folders[folder]) not in (None, folder):
            result[key] = os.path.join(path, name)
    return result


def _candidates(scp: Path, place: str) -> Iterator[str]:
    path, here = Path(place), Path.cwd()
    if path.is_absolute():
        yield place
        return
    above = scp.absolute().parents
    projects = [folder.parent for folder in above if folder.name in path.parts[:1]]
    for folder in (*projects, here, *above):
        yield place if folder == here else str(folder / path)


def _first(candidates: Iterable[str], exists: Callable[[str], bool]) -> str | None:
    return next(filter(exists, candidates), None)
