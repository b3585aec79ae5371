"""Which utterances of a data directory can be used, and why others cannot."""

from __future__ import annotations

import logging
from collections.abc import Container, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from asr_prune.corpus.audio_file import AudioProblem, channel_count
from asr_prune.corpus.channels import Channel, channels_read
from asr_prune.corpus.datadir import c_order
from asr_prune.corpus.inspect import inspect_audio
from asr_prune.corpus.scp import audio_paths
from asr_prune.corpus.segments import Segment, parse_segments, segment_problems
from asr_prune.corpus.side_tables import SIDE_TABLES, unfit
from asr_prune.errors import counted, first_few
from asr_prune.text import fields

log = logging.getLogger(__name__)

#: {name: {key: rest of line}}
Tables = dict[str, dict[str, str]]
#: tables that can be made again, so that no utterance is dropped for them
DERIVED = ("utt2dur", "reco2dur", "utt2num_frames")


class Usable:
    """Selects the utterances that can be used; adds to `changes` why others are dropped.

    known: the utterances, speakers and recordings that there were, usable or not. seconds: of the
    recordings that can be read, after `utterances`. paths: of all recordings; none where features
    came without audio. What pipes give is not run, and counts as usable.
    """

    def __init__(self, path: Path, tables: Tables, changes: list[str], channel: Channel) -> None:
        self.tables, self.changes, self.channel = tables, changes, channel
        self.paths = audio_paths(path / "wav.scp", tables.get("wav.scp", {}))
        self.segments, self.unparsed = parse_segments(tables.get("segments", {}).items())
        self.audio = next(name for name in ("segments", "wav.scp", "feats.scp") if name in tables)
        self.kept: set[str] = {*tables[self.audio], *tables["text"], *tables["utt2spk"]}
        recordings = {fields(rest)[0] for rest in tables.get("segments", {}).values() if rest}
        self.known: dict[str, set[str]] = {
            "utterance": {*self.kept},
            "speaker": {*tables["utt2spk"].values()},
            "recording": recordings if "segments" in tables else {*self.kept},
        }
        self.seconds: dict[str, float] = {}

    def utterances(self, rate: int | None, nj: int = 1) -> list[str]:
        """In C order. nj: number of processes that read audio."""
        self._check_tables()
        self._check_side_tables()
        if "wav.scp" in self.tables:
            self._check_audio(rate, nj)
        return sorted(self.kept, key=c_order)

    def owner(self, of: str, utterance: str) -> str:
        """The utterance itself, its speaker or its recording, as `of` says."""
        if of == "speaker":
            return self.tables["utt2spk"][utterance]
        return self.source(utterance) if of == "recording" else utterance

    def source(self, utterance: str) -> str:
        """Key in wav.scp."""
        return self.segments[utterance].recording if self.segments else utterance

    def _drop(self, why: str, utterances: Iterable[str]) -> None:
        if lost := self.kept.intersection(utterances):
            self.kept -= lost
            names = first_few(sorted(lost, key=c_order))
            self.changes.append(f"dropped {counted(lost, 'utterance')} {why}: {names}.")

    def _check_tables(self) -> None:
        text, utt2spk = self.tables["text"], self.tables["utt2spk"]
        for name in (self.audio, "text", "utt2spk"):
            self._drop(f"missing in {name}", self.kept - self.tables[name].keys())
        self._drop("without words", [key for key in self.kept if not text[key]])
        odd = [key for key in self.kept if len(fields(utt2spk[key])) != 1]
        self._drop("without exactly one speaker", odd)
        self._drop("whose segment is not `recording start end`", self.unparsed)
        if "wav.scp" in self.tables:
            lost = [key for key in self.kept if self.source(key) not in self.paths]
            self._drop("whose recording is missing in wav.scp", lost)

    def _check_side_tables(self) -> None:
        for table in SIDE_TABLES:
            if table.name not in self.tables or table.name in DERIVED:
                continue
            lines = self.tables[table.name]
            missing = [key for key in self.kept if self.owner(table.of, key) not in lines]
            self._drop(f"missing in {table.name}", missing)
            odd = {*unfit(table, lines)}
            unfitting = [key for key in self.kept if self.owner(table.of, key) in odd]
            self._drop(f"whose line in {table.name} is not {table.form}", unfitting)

    def _check_audio(self, rate: int | None, nj: int) -> None:
        sources = dict.fromkeys(self.source(key) for key in sorted(self.kept, key=c_order))
        nameless = {source for source in sources if not self.paths[source]}
        self._drop("whose audio has no name", self._of(nameless))
        paths = {source: self.paths[source] for source in sources if self.paths[source]}
        files = {source: path for source, path in paths.items() if not path.endswith("|")}
        if pipes := paths.keys() - files.keys():
            names = first_few(sorted(pipes, key=c_order))
            log.warning("wav.scp: %s kept, not run and not checked: %s", counted(pipes, "pipe"), names)
        self._check_channels()
        segments = self._kept_segments().items()
        of_files = {key: segment for key, segment in segments if segment.recording in files}
        channels = channels_read(files, of_files, self.channel)
        inspected = inspect_audio(files, rate, True, channels, nj)
        self.seconds = inspected.seconds
        for kind, bad in sorted(inspected.problems.items()):
            self._drop(f"with {kind} audio", self._of(bad))
        cut = segment_problems(self._kept_segments(), inspected.seconds)
        for kind, lost in sorted(cut.items()):
            self._drop(f"with {kind} segments", lost)

    def _check_channels(self) -> None:
        """A segment with a wrong channel must not cost those with a right one."""
        count, wrong = cache(channel_count), list[str]()
        for key, segment in self._kept_segments().items():
            with suppress(AudioProblem):  # which is reported with the others
                path = self.paths[segment.recording]
                if segment.channel and not path.endswith("|") and segment.channel > count(path):
                    wrong.append(key)
        self._drop("whose recording has no such channel", wrong)

    def _of(self, sources: Container[str]) -> list[str]:
        """The kept utterances of these files."""
        return [key for key in self.kept if self.source(key) in sources]

    def _kept_segments(self) -> dict[str, Segment]:
        return {key: self.segments[key] for key in self.kept if self.segments}
