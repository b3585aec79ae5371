"""Where exports may be written."""

from __future__ import annotations

from pathlib import Path

from asr_prune.errors import UserError


def refuse_other_folder(out: Path, kind: str, marker: str) -> None:
    """Raises UserError if `out` exists and is neither empty nor an earlier export of this kind.

    marker: a file, relative to the folder, by which an earlier export is recognised.
    """
    replaceable = (out / marker).is_file() or (out.is_dir() and not any(out.iterdir()))
    if out.exists() and not replaceable:
        what = f"{out} exists and is not an earlier {kind} export"
        raise UserError(f"{what}; name a folder that may be replaced.")
