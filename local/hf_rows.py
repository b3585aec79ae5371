"""The rows of a dataset's split, audio undecoded, as a data directory."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from hf_options import WHERE, Options
from hf_text import spelt

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.wording import counted
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.progress import track

log = logging.getLogger(__name__)

#: what reads the table of an audiofolder, and the table's column of files
READERS = {".csv": "csv", ".jsonl": "json", ".parquet": "parquet"}
FILE_NAME = "file_name"
#: marks at the beginning of audio files, and how such files are called
MAGIC = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3", b"\xff\xfb": ".mp3", b"NIST": ".sph"}


@dataclass(frozen=True)
class Split:
    """One split of a dataset."""

    root: Path
    name: str
    asked: Options
    out: Path

    def read(self, part: str) -> DataDir:
        """Its usable rows as a data directory; says what was left out."""
        data, left_out = DataDir(self.out / part), Counter[str]()
        rows = self.rows()
        for number, row in enumerate(islice(rows, self.asked.limit or None)):
            left_out[self._add(data, row, part, number)] += 1
        for why, count in sorted(left_out.items()):
            if why:
                log.warning("%s, %s: %s %s, left out", self.root, self.name, counted(range(count), "row"), why)
        if not data.text:
            raise UserError(f"{self.root}, {self.name}: no row has both audio and text; name other columns.")
        return data

    def _add(self, data: DataDir, row: dict[str, Any], part: str, number: int) -> str:
        """Adds a row, or returns why not."""
        words, sound = spelt(row[self.asked.text], self.asked), row[self.asked.audio] or {}
        if not words:
            return "without text"
        name = _plain(row[self.asked.id]) if self.asked.id else f"{part}{number:07d}"
        speaker = _plain(row[self.asked.speaker]) if self.asked.speaker else ""
        key = f"{speaker}-{name}" if speaker else name
        if self.asked.speaker and not speaker:
            return "without a speaker"
        if key in data.text:
            return "with an id that was there before"
        place = self._place(sound, f"{part}/{key}")
        if place is None:
            return "without audio"
        data.wavs[key], data.text[key], data.utt2spk[key] = str(place), words, speaker or key
        return ""

    def _place(self, sound: dict[str, Any], name: str) -> Path | None:
        """Where the audio lies, written there first if it was inside the dataset."""
        if not sound.get("bytes"):
            path = Path(sound.get("path") or "")
            return path.absolute() if path.is_file() else None
        given = Path(sound.get("path") or "").suffix
        suffix = given or next((end for mark, end in MAGIC.items() if sound["bytes"].startswith(mark)), ".audio")
        with atomic(self.out / f"audio/{name}{suffix}", "wb") as file:
            file.write(sound["bytes"])
        return self.out / f"audio/{name}{suffix}"

    def rows(self) -> Iterator[dict[str, Any]]:
        """Its rows, audio as a mapping with `bytes` and `path`. Raises UserError where it cannot be read."""
        tables = metadata(self.root)
        found = self._load(tables)
        columns = list(found.column_names or next(iter(found), {}))
        columns = [self.asked.audio if tables and column == FILE_NAME else column for column in columns]
        for column in (self.asked.audio, self.asked.text, self.asked.speaker, self.asked.id):
            if column and column not in columns:
                raise UserError(f"{self.root}, {self.name}: there is no column {column!r} but {', '.join(columns)}.")
        if not tables:
            from datasets import Audio

            found = found.cast_column(self.asked.audio, Audio(decode=False))
        total = self.asked.limit or (len(found) if hasattr(found, "__len__") else 0)
        for row in track(found, total, f"{self.root}, {self.name}"):
            if tables:
                row[self.asked.audio] = beside(tables[self.name], row[FILE_NAME])
            yield row

    def _load(self, tables: dict[str, Path]) -> Any:
        import datasets
        from datasets.utils.logging import set_verbosity_error

        set_verbosity_error()
        datasets.disable_progress_bars()
        given: dict[str, Any] = {"streaming": True} if self.asked.streaming else {"cache_dir": str(self.out / "cache")}
        try:
            if any((self.root / name).is_file() for name in ("dataset_dict.json", "state.json")):
                return self._of(datasets.load_from_disk(str(self.root.absolute())))
            if tables:
                kind = READERS[next(iter(tables.values())).suffix]
                return self._of(datasets.load_dataset(kind, data_files=_named(tables), **given))
            name = str(self.root.absolute()) if self.root.is_dir() else str(self.root)
            versions = {"revision": self.asked.revision or None, "name": self.asked.config or None}
            return self._of(datasets.load_dataset(name, **versions, **given))
        except UserError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(
                f"cannot load the dataset {self.root} ({type(error).__name__}: {reason}); {WHERE}"
            ) from None

    def _of(self, found: Any) -> Any:
        """The split among those found."""
        if not isinstance(found, dict):
            found = {"train": found}
        if self.name not in found:
            mend = "name one of these in corpus.options, or leave it empty to hold speakers out of train"
            raise UserError(f"{self.root}: there is no split {self.name!r} but {', '.join(found)}; {mend}.")
        return found[self.name]


def metadata(root: Path) -> dict[str, Path]:
    """{split: its table} of a local audiofolder, SPLIT/metadata.csv or metadata.csv alone; empty for other datasets.

    `datasets` itself reads such folders only with a decoder of audio at hand, which nothing here needs.
    """
    tables = {path.parent.name: path for path in sorted(root.glob("*/metadata.*")) if path.suffix in READERS}
    alone = [path for path in sorted(root.glob("metadata.*")) if path.suffix in READERS]
    return tables or dict(zip(("train",), alone, strict=False))


def beside(table: Path, name: object) -> dict[str, Any]:
    """The audio file of a row of an audiofolder's table; nothing where it would lie outside the folder."""
    path = (table.parent / str(name or "")).resolve()
    return {"path": str(path)} if path.is_relative_to(table.parent.resolve()) else {}


def _named(tables: dict[str, Path]) -> dict[str, str]:
    return {split: str(path.absolute()) for split, path in tables.items()}


def _plain(value: object) -> str:
    """An id as Kaldi's tables can hold it: without blanks and slashes."""
    return re.sub(r"[\s/]+", "_", "" if value is None else str(value).strip())
