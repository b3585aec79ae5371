"""Where exports may be written, and the files that they take over."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import atomic_dir, present
from asr_prune.integrity import checked
from asr_prune.layout import made_by

#: a file of every exported folder that says of what kind it is; the others are found in models, too,
#: that people have trained
EXPORT_MARK = ".asr_prune_export"


@contextmanager
def export_dir(out: Path, kind: str) -> Iterator[Path]:
    """`atomic_dir(out)`, marked as an export of this kind.

    Raises UserError if `out` exists and is neither empty nor an earlier export of this kind.
    """
    mark, own = out / EXPORT_MARK, f"{kind}\n".encode()
    free = not present(out) or (out.is_dir() and not any(out.iterdir()))
    if not free and not (mark.is_file() and mark.read_bytes() == own):
        what = f"{out} exists and is not an earlier {kind} export"
        raise UserError(f"{what}; name another folder, or delete this one if nobody needs it.")
    with atomic_dir(out) as partial:
        yield partial
        (partial / EXPORT_MARK).write_bytes(own)


def take_over(path: Path, place: Path, stage: str) -> None:
    """Copies a file of a stage. Raises UserError if it is missing or damaged."""
    if not path.is_file():
        raise UserError(f"there is no {path}; {made_by(path, stage)}.")
    shutil.copyfile(checked(path), place)
