"""Kaldi data directories: wav.scp, text, utt2spk, spk2utt and segments, in C order."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asr_prune.corpus.scp import archive_entry, audio_paths, project_paths
from asr_prune.corpus.segments import Segment
from asr_prune.errors import UserError, counted
from asr_prune.files import atomic, present
from asr_prune.integrity import checked
from asr_prune.layout import made_by, stage_of_table
from asr_prune.text import decoded, fields, first_field, raw_text

#: files that every data directory has
TABLES = ("wav.scp", "text", "utt2spk", "spk2utt")


def c_order(key: str) -> bytes:
    """The sort key of LC_ALL=C: the bytes of the UTF-8 text."""
    return key.encode("utf-8")


def read_lines(path: Path) -> list[tuple[str, str]]:
    """The lines of a Kaldi table as (key, rest) in file order; the key of a blank line is empty.

    Raises UserError as `read_content` and `decoded`.
    """
    return split_lines(decoded(_data(path), path))


def split_lines(content: str) -> list[tuple[str, str]]:
    """As `read_lines`, of the content of a file."""
    return [first_field(line) for line in content.removesuffix("\n").split("\n")] if content else []


def read_content(path: Path) -> str:
    """The content of a table. Raises UserError if it is missing or unreadable, and as `raw_text`."""
    return raw_text(_data(path), path)


def _data(path: Path) -> bytes:
    try:
        return checked(path).read_bytes()
    except FileNotFoundError:
        present(path)
        raise UserError(f"{path} is missing; {made_by(path, stage_of_table(path))}.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None


def read_table(path: Path) -> dict[str, str]:
    """A Kaldi table as {key: rest of line}.

    Raises UserError if the file cannot be read, or has a blank line or a repeated key.
    """
    table: dict[str, str] = {}
    for number, (key, rest) in enumerate(read_lines(path), 1):
        if not key or key in table:
            what = f"repeats {key}" if key else "is blank"
            raise UserError(f"{path}: line {number} {what}; run `asr-prune fix {path.parent}`.")
        table[key] = rest
    return table


def split_words(line: str) -> list[str]:
    """The words of a transcript.

    Equal words are one object, so that much text needs little memory.
    """
    return [sys.intern(word) for word in fields(line)]


def write_table(path: Path, table: dict[str, str]) -> None:
    """Writes {key: rest} as a Kaldi table in C order, atomically."""
    with atomic(path) as file:
        file.writelines(f"{key} {table[key]}".rstrip(" ") + "\n" for key in sorted(table, key=c_order))


def group_by_speaker(utt2spk: Mapping[str, str]) -> dict[str, list[str]]:
    """{speaker: utterances}, speakers and utterances in C order."""
    groups: dict[str, list[str]] = {}
    for utterance in sorted(utt2spk, key=c_order):
        groups.setdefault(utt2spk[utterance], []).append(utterance)
    return {speaker: groups[speaker] for speaker in sorted(groups, key=c_order)}


@dataclass
class DataDir:
    """A data directory in memory. Keys of the tables are utterance ids."""

    path: Path
    #: utterance -> path of its audio file, or of the recording that it is a segment of
    wavs: dict[str, str] = field(default_factory=dict)
    #: utterance -> words
    text: dict[str, list[str]] = field(default_factory=dict)
    #: utterance -> speaker
    utt2spk: dict[str, str] = field(default_factory=dict)
    #: utterance -> part of a recording; empty if every utterance is a whole file
    segments: dict[str, Segment] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | str) -> DataDir:
        """Reads text, utt2spk and, if they exist, wav.scp and segments of `path`.

        Without wav.scp, `wavs` is empty: features may have come without audio. Raises UserError if
        another file is missing, a key is repeated, the files differ in their utterances, or wav.scp
        has a pipe.
        """
        path = Path(path)
        text, utt2spk = (read_table(path / name) for name in ("text", "utt2spk"))
        has_audio = present(path / "wav.scp")
        wavs, segments = read_audio_tables(path) if has_audio else ({}, {})
        first = "segments" if segments else "wav.scp" if has_audio else "text"
        for name, table in (("text", text), ("utt2spk", utt2spk)):
            known = wavs if has_audio else text
            if odd := sorted(table.keys() ^ known.keys(), key=c_order):
                what = f"{first} and {name} differ in {counted(odd, 'utterance')} (for instance {odd[0]})"
                raise UserError(f"{path}: {what}; run `asr-prune fix {path}`.")
        words = {key: split_words(line) for key, line in text.items()}
        return cls(path, wavs, words, utt2spk, segments)

    @property
    def spk2utt(self) -> dict[str, list[str]]:
        """{speaker: utterances}, sorted."""
        return group_by_speaker(self.utt2spk)

    @property
    def silent(self) -> bool:
        """Whether no utterance has words: a test set may come without transcripts."""
        return not any(self.text.values())

    def subset(self, utterances: Iterable[str], path: Path | str | None = None) -> DataDir:
        """These utterances only, as a data directory at `path` (None: the same path) in memory."""
        kept = list(utterances)
        tables = (self.wavs, self.text, self.utt2spk, self.segments)
        parts = ({key: table[key] for key in kept if key in table} for table in tables)
        return DataDir(Path(path or self.path), *parts)  # type: ignore[arg-type]

    def write(self) -> None:
        """Writes the files, sorted; no wav.scp without audio. Beside segments, a whole file becomes one.

        Audio below the current folder, the project, is written with its path from there. Raises
        UserError if the folder cannot be written, or one recording has several files.
        """
        parts = {key: self.segments.get(key, Segment(key, 0.0)) for key in self.wavs} if self.segments else {}
        wavs = self._recordings(parts) or self.wavs
        _write_or_remove(self.path / "wav.scp", project_paths(wavs), bool(wavs) or not self.text)
        segments = {key: str(segment) for key, segment in parts.items()}
        _write_or_remove(self.path / "segments", segments, bool(segments))
        write_table(self.path / "text", {key: " ".join(words) for key, words in self.text.items()})
        write_table(self.path / "utt2spk", self.utt2spk)
        write_table(self.path / "spk2utt", {key: " ".join(group) for key, group in self.spk2utt.items()})

    def _recordings(self, parts: Mapping[str, Segment]) -> dict[str, str]:
        places: dict[str, dict[str, None]] = {}
        for key, segment in parts.items():
            places.setdefault(segment.recording, {})[self.wavs[key]] = None
        return {name: _one_file(self.path, name, [*found]) for name, found in places.items()}


def _one_file(path: Path, recording: str, places: list[str]) -> str:
    if len({os.path.abspath(place) for place in places}) > 1:
        what = f"recording {recording} has several files, {' and '.join(places)}"
        raise UserError(f"{path}: {what}; give each file a name of its own in wav.scp.")
    return places[0]


def write_silent_text(folder: Path) -> None:
    """Writes a `text` without words for the utterances of utt2spk, if the folder has none or an
    empty one.
    """
    text = folder / "text"
    if not (folder / "utt2spk").is_file() or (present(text) and text.stat().st_size):
        return
    write_table(text, dict.fromkeys(read_table(folder / "utt2spk"), ""))


def _write_or_remove(path: Path, table: dict[str, str], needed: bool) -> None:
    """A table that is not needed must not remain from an earlier run."""
    if needed:
        write_table(path, table)
    else:
        path.unlink(missing_ok=True)


def read_audio_tables(path: Path) -> tuple[dict[str, str], dict[str, Segment]]:
    """wav.scp and segments of a data directory: {utterance: audio file}, {utterance: segment}.

    Audio is found as by `audio_paths`. Raises UserError if wav.scp is missing or has a pipe, or a
    segment cannot be parsed or its recording is missing.
    """
    recordings = read_table(path / "wav.scp")
    refuse_pipes(path, recordings)
    recordings = audio_paths(path / "wav.scp", recordings)
    if not present(path / "segments"):
        return recordings, {}
    lines = read_table(path / "segments")
    segments = {key: _segment(path, key, line) for key, line in lines.items()}
    named = {segment.recording for segment in segments.values()}
    if lost := sorted(named - recordings.keys(), key=c_order):
        what = f"{counted(lost, 'recording')} (for instance {lost[0]}) that wav.scp lacks"
        raise UserError(f"{path}: segments names {what}; run `asr-prune fix {path}`.")
    return {key: recordings[segment.recording] for key, segment in segments.items()}, segments


def audio_files(folders: Iterable[Path]) -> list[Path]:
    """The audio files and archives of some data directories, sorted."""
    places = {place for folder in folders for place in read_audio_tables(folder)[0].values()}
    return sorted({Path(archive_entry(place)[0]) for place in places})


def _segment(path: Path, utterance: str, line: str) -> Segment:
    try:
        return Segment.parse(line)
    except ValueError:
        what = f"{utterance} is not `recording start end` in seconds but {line[:60]!r}"
        raise UserError(f"{path}/segments: {what}; run `asr-prune fix {path}`.") from None


def refuse_pipes(path: Path, wavs: dict[str, str]) -> None:
    """Raises UserError if wav.scp has a pipe: a data directory must not run programs."""
    for utterance, place in wavs.items():
        if place.endswith("|"):
            what = f"{utterance} is a pipe ({place[:60]})"
            remedy = "write the audio to a file and name that file"
            raise UserError(f"{path}/wav.scp: {what}; {remedy}.")
