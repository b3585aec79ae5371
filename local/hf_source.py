"""Where the rows of a split come from: tables of a folder, or what the library `datasets` loads."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from asr_prune.errors import UserError, counted, first_few

from .hf_datasets import column_names, loaded, open_parquet, plain_rows
from .hf_options import Options
from .hf_splits import KEYWORDS, folders_of, split_named, table_parts, tables_in, tables_of, tables_of_all
from .hf_tables import FILE_NAME, PARQUET, Row, columns, ending, read_rows

log = logging.getLogger(__name__)

#: folder beside the tables of Common Voice that has their audio
_CLIPS = "clips"
#: place of a row, for messages; its cells, none if they do not fit the columns; and the folders from
#: which the paths of its audio may start
Found = tuple[str, Row, Sequence[Path]]


@dataclass(frozen=True)
class Source:
    """A split of a dataset."""

    root: Path
    split: str
    settings: Options
    cache: Path

    def rows(self) -> Iterator[Found]:
        """Yields the rows, with the columns that the options name.

        Raises UserError if there is no such split or column, or something cannot be read.
        """
        tables = tables_in(self._folder)
        if not tables:
            return self._loaded()
        found = tables_of(self._folder, tables, self.split)
        mixed = [] if found else tables_of_all(self._folder, tables)
        if read := [str(path.relative_to(self.root)) for path in found or mixed]:
            log.info("%s, %s: %s", self.root, self.split, first_few(read))
        return self._of_tables(found) if found else self._by_row(tables, mixed)

    @property
    def _folder(self) -> Path:
        """Where the tables are: the folder of the configuration, if there is one."""
        inner = self.root / self.settings.config
        return inner if self.settings.config and inner.is_dir() else self.root

    def _of_tables(self, tables: Iterable[Path]) -> Iterator[Found]:
        for path in tables:
            folders = [path.parent, self._folder, path.parent / _CLIPS]
            if ending(path) == PARQUET:
                yield from self._of_dataset(open_parquet(path), str(path), folders)
                continue
            audio = self._audio_column(columns(path), str(path))
            for where, row in read_rows(path):
                yield where, row and self._chosen(row, audio), folders

    def _by_row(self, tables: Sequence[Path], mixed: Sequence[Path]) -> Iterator[Found]:
        """The rows of `mixed` whose audio is in a folder of the split."""
        folders = {_folder(row, self.settings) for _, row, _ in self._of_tables(mixed)}
        known = {split: folders_of(folders, split) for split in (self.split, *KEYWORDS)}
        if not known[self.split]:
            named = {split_named(table_parts(path, self._folder)) for path in tables}
            raise self._no_split(sorted({*named, *(split for split, own in known.items() if own)} - {""}))
        lost, of_some = 0, set().union(*known.values())
        for where, row, starts in self._of_tables(mixed):
            folder = _folder(row, self.settings)
            lost += folder not in of_some
            if folder in known[self.split]:
                yield where, row, starts
        if lost and split_named([self.split]) == "train":
            rows = counted(range(lost), "row")
            log.warning("%s: %s whose audio is in the folder of no split, left out", self.root, rows)

    def _loaded(self) -> Iterator[Found]:
        splits = loaded(self.root, self.settings, self.cache)
        if self.split not in splits:
            raise self._no_split(splits)
        split = splits[self.split]
        if isinstance(split, list):
            return self._of_tables(split)
        parquet = self.root.glob(f"**/*{PARQUET}") if self.root.is_dir() else ()
        folders = [self.root, *sorted({path.parent for path in parquet}), Path()]
        return self._of_dataset(split, f"{self.root}, {self.split}", folders)

    def _of_dataset(self, dataset: Any, where: str, folders: Sequence[Path]) -> Iterator[Found]:
        names = column_names(dataset, where)
        audio = self._audio_column(names, where)
        wanted = [audio, *filter(None, (self.settings.text, self.settings.speaker, self.settings.id))]
        for number, row in plain_rows(dataset, wanted, where):
            yield f"{where}, {number}", self._chosen(row, audio), folders

    def _audio_column(self, names: Sequence[str], where: str) -> str:
        """The column of the audio; checks that all columns exist."""
        audio = self.settings.audio
        audio = FILE_NAME if audio not in names and FILE_NAME in names else audio
        wanted = {"audio": audio, "text": self.settings.text, "speaker": self.settings.speaker}
        for key, column in {**wanted, "id": self.settings.id}.items():
            if column and column not in names:
                what = f"no column {column!r}; use one of {', '.join(names)} as corpus.options.{key}"
                raise UserError(f"{where}: {what}.")
        return audio

    def _chosen(self, row: Row, audio: str) -> Row:
        """The row with its audio in the column that the options name; cells that it lacks are None."""
        names = filter(None, (self.settings.text, self.settings.speaker, self.settings.id))
        return {**{name: row.get(name) for name in names}, self.settings.audio: row.get(audio)}

    def _no_split(self, known: Collection[str]) -> UserError:
        train = self.split == self.settings.train
        tables = first_few(path.stem for path in tables_in(self._folder))
        what = f"no split {self.split!r}, but {', '.join(known) or f'tables that name none: {tables}'}"
        remedy = "name one of these in corpus.options" + ("" if train else ", or leave it empty to hold out speakers")
        return UserError(f"{self.root}: {what}; {remedy}.")


def _folder(row: Row, settings: Options) -> tuple[str, ...]:
    """The folders in the path of a row's audio."""
    place = row.get(settings.audio) if row else None
    return PurePath(place).parts[:-1] if isinstance(place, str) else ()
