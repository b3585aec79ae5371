"""The rows of a dataset's split as a data directory; audio is not decoded."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.script import CorpusNotFound
from asr_prune.errors import UserError, counted
from asr_prune.files import atomic
from asr_prune.progress import track

from .hf_options import WHERE, Options
from .hf_text import spelt

log = logging.getLogger(__name__)

#: reader of an audiofolder's table by suffix, and the table's column of file names
READERS = {".csv": "csv", ".jsonl": "json", ".parquet": "parquet"}
FILE_NAME = "file_name"
#: first bytes of audio files, and their suffixes
MAGIC = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3", b"\xff\xfb": ".mp3", b"NIST": ".sph"}


@dataclass(frozen=True)
class Split:
    """One split of a dataset."""

    root: Path
    name: str
    settings: Options
    out: Path

    def read(self, part: str) -> DataDir:
        """The usable rows as a data directory; logs how many were left out, and why.

        A test split in which no row has text is returned without transcripts.
        """
        data, silent, left_out = DataDir(self.out / part), DataDir(self.out / part), Counter[str]()
        for number, row in enumerate(islice(self.rows(part), self.settings.limit or None)):
            words = spelt(row.get(self.settings.text), self.settings)
            why = self._add(data if words else silent, row, words, part, number)
            left_out[why or ("" if words else "without text")] += 1
        if part == "test" and not data.text and silent.text:
            return silent
        for why, count in sorted(left_out.items()):
            if why:
                rows_left = counted(range(count), "row")
                log.warning("%s, %s: %s %s, left out", self.root, self.name, rows_left, why)
        if not data.text:
            what = "no row has both audio and text"
            raise UserError(f"{self.root}, {self.name}: {what}; name other columns.")
        return data

    def _add(self, data: DataDir, row: dict[str, Any], words: list[str], part: str, number: int) -> str:
        """Adds a row, or returns why it is left out."""
        if not words and part != "test":
            return "without text"
        name = _plain(row[self.settings.id]) if self.settings.id else f"{part}{number:07d}"
        speaker = _plain(row[self.settings.speaker]) if self.settings.speaker else ""
        key = f"{speaker}-{name}" if speaker else name
        if self.settings.speaker and not speaker:
            return "without a speaker"
        if key in data.text:
            return "with a repeated id"
        place = self._place(row[self.settings.audio] or {}, f"{part}/{key}")
        if place is None:
            return "without audio"
        data.wavs[key], data.text[key], data.utt2spk[key] = str(place), words, speaker or key
        return ""

    def _place(self, audio: dict[str, Any], name: str) -> Path | None:
        """The audio file; audio inside the dataset is written to a file first."""
        if not audio.get("bytes"):
            path = Path(audio.get("path") or "")
            return path.absolute() if path.is_file() else None
        given = Path(audio.get("path") or "").suffix
        suffix = given or next((end for mark, end in MAGIC.items() if audio["bytes"].startswith(mark)), ".audio")
        with atomic(self.out / f"audio/{name}{suffix}", "wb") as file:
            file.write(audio["bytes"])
        return self.out / f"audio/{name}{suffix}"

    def rows(self, part: str) -> Iterator[dict[str, Any]]:
        """Yields the rows; audio is a mapping with `bytes` and `path`. Those of test may have no text.

        Raises UserError if they cannot be read.
        """
        tables = metadata(self.root)
        split = self._load(tables)
        columns = list(split.column_names or next(iter(split), {}))
        columns = [self.settings.audio if tables and column == FILE_NAME else column for column in columns]
        needed = () if part == "test" else (self.settings.text,)
        for column in (self.settings.audio, *needed, self.settings.speaker, self.settings.id):
            if column and column not in columns:
                what = f"no column {column!r}; use one of {', '.join(columns)}"
                raise UserError(f"{self.root}, {self.name}: {what}.")
        if not tables:
            from datasets import Audio

            split = split.cast_column(self.settings.audio, Audio(decode=False))
        total = self.settings.limit or (len(split) if hasattr(split, "__len__") else 0)
        for row in track(split, total, f"{self.root}, {self.name}"):
            if tables:
                row[self.settings.audio] = audio_of_row(tables[self.name], row[FILE_NAME])
            yield row

    def _load(self, tables: dict[str, Path]) -> Any:
        import datasets
        from datasets.utils.logging import set_verbosity_error

        set_verbosity_error()
        datasets.disable_progress_bars()
        cache: dict[str, Any] = {"cache_dir": str(self.out / "cache")}
        given = {"streaming": True} if self.settings.streaming else cache
        try:
            if any((self.root / name).is_file() for name in ("dataset_dict.json", "state.json")):
                return self._split_of(datasets.load_from_disk(str(self.root.absolute())))
            if tables:
                kind = READERS[next(iter(tables.values())).suffix]
                return self._split_of(datasets.load_dataset(kind, data_files=_named(tables), **given))
            name = str(self.root.absolute()) if self.root.is_dir() else str(self.root)
            versions = {"revision": self.settings.revision or None, "name": self.settings.config or None}
            return self._split_of(datasets.load_dataset(name, **versions, **given))
        except UserError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise CorpusNotFound(
                f"cannot load the dataset {self.root} ({type(error).__name__}: {reason}); {WHERE}"
            ) from None

    def _split_of(self, dataset: Any) -> Any:
        splits = dataset if isinstance(dataset, dict) else {"train": dataset}
        if self.name not in splits:
            what = f"no split {self.name!r}, but {', '.join(splits)}"
            remedy = "name one of these in corpus.options, or leave it empty to hold out speakers"
            raise UserError(f"{self.root}: {what}; {remedy}.")
        return splits[self.name]


def metadata(root: Path) -> dict[str, Path]:
    """{split: table} of an audiofolder (SPLIT/metadata.csv, or metadata.csv); empty for other data.

    `datasets` itself reads such folders only if an audio decoder is installed, which is not needed
    here.
    """
    alone = [path for path in sorted(root.glob("metadata.*")) if path.suffix in READERS]
    inner = [path for path in sorted(root.glob("*/metadata.*")) if path.suffix in READERS]
    tables = {path.parent.name: path for path in inner}
    return tables or dict(zip(("train",), alone, strict=False))


def audio_of_row(table: Path, name: object) -> dict[str, Any]:
    """The audio file of a row of an audiofolder's table; empty if it is outside the folder."""
    path = (table.parent / str(name or "")).resolve()
    return {"path": str(path)} if path.is_relative_to(table.parent.resolve()) else {}


def _named(tables: dict[str, Path]) -> dict[str, str]:
    return {split: str(path.absolute()) for split, path in tables.items()}


def _plain(value: object) -> str:
    """An id without white space and slashes, as Kaldi's tables need it."""
    return re.sub(r"[\s/]+", "_", "" if value is None else str(value).strip())
