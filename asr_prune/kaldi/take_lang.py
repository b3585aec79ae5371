"""Import of a lang folder from Kaldi."""

from __future__ import annotations

import shutil
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import atomic_dir, files_below
from asr_prune.integrity import checked
from asr_prune.lang.fst import LabelTables, read_fst
from asr_prune.lang.lang import FOLDER_FILES, Lang


def lang_files(source: Path) -> list[Path]:
    """All files of the lang folder `source`. Raises UserError if a required one is missing."""
    if not source.is_dir():
        raise UserError(f"lang.folder: {source} does not exist; give a folder with a G.fst.")
    for name in FOLDER_FILES:
        if not (source / name).is_file():
            fix = "give lang.folder the folder with the grammar, such as data/lang_test"
            raise UserError(f"{source}/{name} is missing; {fix}.")
    return [path for path in files_below(source) if not path.name.startswith(".")]


def take_lang(source: Path, out: Path) -> tuple[int, int]:
    """Copies the lang folder `source` to `out`, completely or not at all.

    Returns the numbers of words and phones. Raises UserError if a file is missing or damaged, or an
    FST has labels that phones.txt or words.txt lacks.
    """
    with atomic_dir(out) as partial:
        for path in lang_files(source):
            place = partial / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(checked(path), place)
        lang = Lang.read(partial)
        for name, inputs in (
            ("L.fst", lang.phones),
            ("L_disambig.fst", lang.phones),
            ("G.fst", lang.words),
        ):
            _check_fst(source / name, (inputs, lang.words))
    words = [word for word in lang.words if word not in ("<eps>", "#0", "<s>", "</s>")]
    phones = [phone for phone in lang.phones if not phone.startswith(("#", "<"))]
    return len(words), len(phones)


def _check_fst(path: Path, tables: LabelTables) -> None:
    try:
        read_fst(path, "lang", tables)
    except UserError as error:
        raise UserError(f"{path} cannot be used: {error.__cause__}; copy it again or make it again.") from error
