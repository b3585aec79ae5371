"""Repairing a data directory as Kaldi's fix_data_dir.sh: sorting, dropping unusable lines."""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import Path

from asr_prune.corpus.audio import inspect_audio
from asr_prune.corpus.datadir import DataDir, c_order, read_lines, write_table
from asr_prune.corpus.scp import audio_paths
from asr_prune.corpus.segments import Segment, parse_segments, segment_problems
from asr_prune.errors import UserError, counted, first_few
from asr_prune.files import atomic
from asr_prune.integrity import forget

_NEEDED = ("wav.scp", "text", "utt2spk")
_OPTIONAL = ("segments", "feats.scp", "cmvn.scp")
_Tables = dict[str, dict[str, str]]


def fix(path: Path | str, rate: int | None = None) -> list[str]:
    """Repairs the data directory `path` in place; returns the changes, a sentence each.

    Sorts the files, removes blank and repeated lines (the first is kept), drops utterances that a
    file lacks or that have no words, no speaker, no usable audio (rate as in `validate`) or a
    segment that cannot be cut, and writes spk2utt; `.backup/` gets the files before the change. Not
    repaired: speakers that are not prefixes of their utterances, overlapping segments, words
    outside the vocabulary. Raises UserError if a needed file is missing or no utterance would be
    left; nothing is changed then.
    """
    path = Path(path)
    names = (*_NEEDED, *(name for name in _OPTIONAL if (path / name).exists()))
    changes: list[str] = []
    tables = {name: _unique(name, read_lines(path / name), changes) for name in names}
    kept = _Usable(path, tables, changes).utterances(rate)
    if not kept:
        what = "no utterance is usable, so nothing was changed"
        raise UserError(f"{path}: {what}; {' '.join(changes)}")
    fixed = _restrict(tables, kept)
    if _differs(path, fixed):
        changes.append(_back_up(path))
        forget(path / name for name in fixed)
        for name, table in fixed.items():
            write_table(path / name, table)
    return changes


def _unique(name: str, lines: list[tuple[str, str]], changes: list[str]) -> dict[str, str]:
    table, repeated, blank = dict[str, str](), list[str](), [key for key, _ in lines if not key]
    for key, rest in lines:
        if key in table:
            repeated.append(key)
        elif key:
            table[key] = rest if name.endswith(".scp") else " ".join(rest.split())
    if repeated:
        what = counted(repeated, "repeated line")
        changes.append(f"{name}: removed {what}: {first_few(repeated)}.")
    if blank:
        changes.append(f"{name}: removed {counted(blank, 'blank line')}.")
    if list(table) != sorted(table, key=c_order):
        changes.append(f"{name}: sorted.")
    return table


class _Usable:
    """Selects the utterances that can be used; adds to `changes` why others are dropped."""

    def __init__(self, path: Path, tables: _Tables, changes: list[str]) -> None:
        self.tables, self.changes = tables, changes
        self.wav_scp = path / "wav.scp"
        self.segments, self.unparsed = parse_segments(tables.get("segments", {}).items())
        self.audio = "segments" if "segments" in tables else "wav.scp"
        self.kept: set[str] = {*tables[self.audio], *tables["text"], *tables["utt2spk"]}

    def utterances(self, rate: int | None) -> list[str]:
        """In C order."""
        self._check_tables()
        self._check_audio(rate)
        return sorted(self.kept, key=c_order)

    def _drop(self, why: str, utterances: Iterable[str]) -> None:
        if lost := self.kept.intersection(utterances):
            self.kept -= lost
            names = first_few(sorted(lost, key=c_order))
            self.changes.append(f"dropped {counted(lost, 'utterance')} {why}: {names}.")

    def _check_tables(self) -> None:
        text, utt2spk = self.tables["text"], self.tables["utt2spk"]
        for name in (self.audio, "text", "utt2spk", "feats.scp"):
            if name in self.tables:
                self._drop(f"missing in {name}", self.kept - self.tables[name].keys())
        self._drop("without words", [key for key in self.kept if not text[key]])
        odd = [key for key in self.kept if len(utt2spk[key].split()) != 1]
        self._drop("without exactly one speaker", odd)
        self._drop("whose segment is not `recording start end`", self.unparsed)
        lost = [key for key in self.kept if self._source(key) not in self.tables["wav.scp"]]
        self._drop("whose recording is missing in wav.scp", lost)

    def _check_audio(self, rate: int | None) -> None:
        wavs = self.tables["wav.scp"]
        sources = dict.fromkeys(self._source(key) for key in sorted(self.kept, key=c_order))
        pipes = {source for source in sources if wavs[source][-1:] in ("", "|")}
        self._drop("whose audio is a pipe or has no name", self._of(pipes))
        files = {source: wavs[source] for source in sources if source not in pipes}
        inspected = inspect_audio(audio_paths(self.wav_scp, files), rate)
        for kind, bad in sorted(inspected.problems.items()):
            self._drop(f"with {kind} audio", self._of(bad))
        cut = segment_problems(self._kept_segments(), inspected.seconds)
        for kind, lost in sorted(cut.items()):
            self._drop(f"with {kind} segments", lost)

    def _source(self, utterance: str) -> str:
        """Key in wav.scp."""
        return self.segments[utterance].recording if self.segments else utterance

    def _of(self, sources: Container[str]) -> list[str]:
        """The kept utterances of these files."""
        return [key for key in self.kept if self._source(key) in sources]

    def _kept_segments(self) -> dict[str, Segment]:
        return {key: self.segments[key] for key in self.kept if self.segments}


def _restrict(tables: _Tables, kept: list[str]) -> _Tables:
    data = DataDir(Path(), utt2spk={key: tables["utt2spk"][key] for key in kept})
    keys = dict.fromkeys(tables, kept)
    keys["cmvn.scp"] = list(data.spk2utt)
    if "segments" in tables:
        keys["wav.scp"] = sorted({tables["segments"][key].split()[0] for key in kept}, key=c_order)
    fixed = {}
    for name, table in tables.items():
        fixed[name] = {key: table[key] for key in keys[name] if key in table}
    fixed["spk2utt"] = {speaker: " ".join(group) for speaker, group in data.spk2utt.items()}
    return fixed


def _differs(path: Path, fixed: _Tables) -> bool:
    for name, table in fixed.items():
        content = "".join(f"{key} {table[key]}\n" for key in sorted(table, key=c_order))
        if not (path / name).exists() or (path / name).read_bytes() != content.encode():
            return True
    return False


def _back_up(path: Path) -> str:
    backup = path / ".backup"
    for name in (*_NEEDED, "spk2utt", *_OPTIONAL):
        if (path / name).exists():
            with atomic(backup / name, "wb") as file:
                file.write((path / name).read_bytes())
    return f"the original files are in {backup}."
