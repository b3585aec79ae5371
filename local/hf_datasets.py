"""Loading by the library `datasets`, without decoding audio and without guessing types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from asr_prune.corpus.script import CorpusNotFound
from asr_prune.errors import UserError

from .hf_options import WHERE, Options
from .hf_splits import SAVED
from .hf_tables import OBJECTS, SEPARATED, Row

#: loaders of `datasets` that guess the types of cells
_GUESSING = ("csv", "json")


def loaded(root: Path, settings: Options, cache: Path) -> dict[str, Any] | dict[str, list[Path]]:
    """The splits of a dataset; for csv and JSON, whose types `datasets` would guess, their files.

    Raises CorpusNotFound if it cannot be loaded.
    """
    import datasets
    from datasets.utils.logging import set_verbosity_error

    set_verbosity_error()
    datasets.disable_progress_bars()
    given = {"streaming": True} if settings.streaming else {"cache_dir": str(cache)}
    name = str(root.absolute()) if root.exists() else str(root)
    versions = {"revision": settings.revision or None, "name": settings.config or None}
    try:
        if any((root / name).is_file() for name in SAVED):
            dataset = datasets.load_from_disk(name)
            return dataset if isinstance(dataset, dict) else {"train": dataset}
        builder = datasets.load_dataset_builder(name, **versions, cache_dir=str(cache))
        if builder.name == "audiofolder":
            raise _audiofolder(root)
        if builder.name in _GUESSING and (files := builder.config.data_files):
            return {str(split): _fetched(urls, cache / "tables" / str(split)) for split, urls in files.items()}
        return dict(datasets.load_dataset(name, **versions, **given))
    except UserError:
        raise
    except Exception as error:
        raise CorpusNotFound(f"cannot load the dataset {root} ({_reason(error)}); {WHERE}") from None


def _audiofolder(root: Path) -> UserError:
    if root.is_dir():
        remedy = "write metadata.csv with the columns file_name and text"
        return UserError(f"{root} has audio files, but no table of their transcripts; {remedy}.")
    what = f"{root} has audio files beside tables, which `datasets` would read with guessed types"
    command = f"`hf download {root} --repo-type dataset --local-dir FOLDER`"
    return UserError(f"{what}; run {command} and set corpus.root=FOLDER.")


def _fetched(urls: Sequence[str], folder: Path) -> list[Path]:
    """The tables at `urls` as local files."""
    from fsspec.core import url_to_fs  # type: ignore[import-untyped]

    paths = []
    for number, url in enumerate(urls):
        if not url.endswith((*SEPARATED, *OBJECTS)):
            what = f"{url} would be read with guessed types, which loses words such as `null`"
            raise UserError(f"{what}; unpack it, or convert it to parquet.")
        system, place = url_to_fs(url)
        paths.append(folder / f"{number:05d}-{Path(place).name}")
        folder.mkdir(parents=True, exist_ok=True)
        system.get(place, str(paths[-1]))
    return paths


def open_parquet(path: Path) -> Any:
    """A parquet file as a dataset that is read row by row. Raises UserError if it is damaged."""
    import datasets

    try:
        return datasets.load_dataset("parquet", data_files=str(path), split="train", streaming=True)
    except Exception as error:
        raise _damaged(str(path), error) from None


def column_names(dataset: Any, where: str) -> list[str]:
    """The columns of a split, if streamed perhaps by its first row. Raises UserError if damaged."""
    try:
        return list(dataset.column_names or next(iter(dataset), {}))
    except Exception as error:
        raise _damaged(where, error) from None


def plain_rows(dataset: Any, names: Sequence[str], where: str) -> Iterator[tuple[str, Row]]:
    """Yields (place, cells) of each row; audio as `path` and `bytes`, class labels by their names.

    names: of the columns that are wanted. where: of the dataset, for messages. Raises UserError if
    a row cannot be read.
    """
    import datasets

    dataset = dataset.select_columns(list(dict.fromkeys(names)))
    kinds = dataset.features or {}
    for name, kind in kinds.items():
        if isinstance(kind, datasets.Audio):
            dataset = dataset.cast_column(name, datasets.Audio(decode=False))
    labels = {name: kind for name, kind in kinds.items() if isinstance(kind, datasets.ClassLabel)}
    try:
        for number, row in enumerate(dataset, 1):
            yield f"row {number}", {**row, **{name: _label(kind, row[name]) for name, kind in labels.items()}}
    except (UserError, GeneratorExit):
        raise
    except Exception as error:
        raise _damaged(where, error) from None


def _label(kind: Any, value: int | None) -> str | None:
    return None if value is None or value < 0 else str(kind.int2str(value))


def _damaged(where: str, error: Exception) -> UserError:
    return UserError(f"{where} cannot be read ({_reason(error)}); copy or write it again.")


def _reason(error: Exception) -> str:
    """The innermost cause: `datasets` wraps it in errors that do not name it."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
