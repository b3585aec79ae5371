"""A lang folder made by Kaldi in place of one of ours."""

from __future__ import annotations

import shutil
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import atomic_dir
from asr_prune.lang.fst import read_fst
from asr_prune.lang.lang import Lang

#: what the stages read of a lang folder
LANG = (
    *("phones.txt", "words.txt", "topo", "oov.int", "L.fst", "L_disambig.fst", "G.fst"),
    *(f"phones/{name}.int" for name in ("silence", "optional_silence", "disambig", "sets")),
)


def lang_files(source: Path) -> list[Path]:
    """Every file of the lang folder `source`. Raises UserError where one that the stages read is missing."""
    if not source.is_dir():
        raise UserError(f"lang.folder names {source}, which is not there; name a lang folder of Kaldi's with a G.fst.")
    for name in LANG:
        if not (source / name).is_file():
            mend = "name the one that holds the grammar, such as data/lang_test"
            raise UserError(f"{source}/{name} is missing; lang.folder takes a whole lang folder, so {mend}.")
    return sorted(path for path in source.rglob("*") if path.is_file() and not path.name.startswith("."))


def take_lang(source: Path, out: Path) -> tuple[int, int]:
    """Copies Kaldi's lang folder `source` to `out`, whole or not at all; how many words and phones it has.

    Raises UserError where a file is missing or damaged, or an FST is of another type than OpenFst's `vector`.
    """
    with atomic_dir(out) as partial:
        for path in lang_files(source):
            place = partial / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        for name in ("L.fst", "L_disambig.fst", "G.fst"):
            _check_fst(source / name)
        lang = Lang.read(partial)
    spoken = [phone for phone in lang.phones if not phone.startswith(("#", "<"))]
    return len([word for word in lang.words if word not in ("<eps>", "#0", "<s>", "</s>")]), len(spoken)


def _check_fst(path: Path) -> None:
    try:
        read_fst(path, "lang")
    except UserError:
        mend = "write it with `fstconvert --fst_type=vector`, or copy it again"
        raise UserError(f"{path} is not an FST of OpenFst's `vector` type; {mend}.") from None
