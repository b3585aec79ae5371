"""Where exports may be written, and the files that they take over."""

from __future__ import annotations

import shutil
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.integrity import checked
from asr_prune.layout import made_by


def refuse_other_folder(out: Path, kind: str, marker: str) -> None:
    """Raises UserError if `out` exists and is neither empty nor an earlier export of this kind.

    marker: a file, relative to the folder, by which an earlier export is recognised.
    """
    replaceable = (out / marker).is_file() or (out.is_dir() and not any(out.iterdir()))
    if out.exists() and not replaceable:
        what = f"{out} exists and is not an earlier {kind} export"
        raise UserError(f"{what}; name a folder that may be replaced.")


def take_over(path: Path, place: Path, stage: str) -> None:
    """Copies a file of a stage. Raises UserError if it is missing or damaged."""
    if not path.is_file():
        raise UserError(f"there is no {path}; {made_by(path, stage)}.")
    shutil.copyfile(checked(path), place)
