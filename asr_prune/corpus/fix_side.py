"""The tables of a data directory, made again for the utterances that are kept."""

from __future__ import annotations

from collections.abc import Mapping

from asr_prune.corpus.audio_file import channel_count
from asr_prune.corpus.datadir import c_order
from asr_prune.corpus.segments import TO_THE_END
from asr_prune.corpus.side_tables import SIDE_TABLES, SideTable, unfit
from asr_prune.corpus.usable import Tables, Usable
from asr_prune.errors import counted, first_few
from asr_prune.text import fields

_OF = {"wav.scp": "recording"} | {table.name: table.of for table in SIDE_TABLES}


def remade(usable: Usable, kept: list[str], changes: list[str]) -> Tables:
    """The tables for the utterances `kept`; what else changes is added to `changes`.

    Durations are computed if they are missing; an incomplete utt2num_frames is left out.
    """
    keys = {of: sorted({usable.owner(of, key) for key in kept}, key=c_order) for of in ("speaker", "recording")}
    keys["utterance"] = kept
    fixed: Tables = {}
    for name, table in usable.tables.items():
        of = _OF.get(name, "utterance")
        if stale := sorted(table.keys() - usable.known[of], key=c_order):
            changes.append(f"{name}: removed {counted(stale, 'line')} of no {of} here: {first_few(stale)}.")
        fixed[name] = {key: table[key] for key in keys[of] if key in table}
    if "segments" in fixed:
        fixed["segments"] = _segments(usable, fixed["segments"], changes)
    for side in SIDE_TABLES:
        if side.name in ("utt2dur", "reco2dur") and side.name in fixed:
            _complete(usable, side, keys[side.of], fixed[side.name], changes)
    for name in ("utt2dur", "reco2dur", "utt2num_frames"):
        _drop_incomplete(name, keys, fixed, changes)
    return fixed


def _complete(usable: Usable, table: SideTable, keys: list[str], lines: dict[str, str], changes: list[str]) -> None:
    odd = {*unfit(table, lines)}
    lacking = [key for key in keys if key not in lines or key in odd]
    if lacking and all(_measured(usable, table.of, key) for key in lacking):
        for key in lacking:
            lines[key] = str(round(_seconds(usable, table.of, key), 5))
        changes.append(f"{table.name}: computed {counted(lacking, 'duration')}: {first_few(lacking)}.")


def _measured(usable: Usable, of: str, key: str) -> bool:
    """Not what pipes give."""
    return (key if of == "recording" else usable.source(key)) in usable.seconds


def _seconds(usable: Usable, of: str, key: str) -> float:
    if of == "recording" or not usable.segments:
        return usable.seconds[key]
    start, end = usable.segments[key].span(usable.seconds[usable.source(key)])
    return end - start


def _drop_incomplete(name: str, keys: Mapping[str, list[str]], fixed: Tables, changes: list[str]) -> None:
    table = next(table for table in SIDE_TABLES if table.name == name)
    if name not in fixed:
        return
    odd = {*unfit(table, fixed[name])}
    if lacking := [key for key in keys[table.of] if key not in fixed[name] or key in odd]:
        del fixed[name]
        what = f"lacks {counted(lacking, table.of)}: {first_few(lacking)}"
        changes.append(f"{name}: removed, since it {what}; Kaldi's get_{name}.sh writes it anew.")


def _segments(usable: Usable, lines: dict[str, str], changes: list[str]) -> dict[str, str]:
    """Without what Kaldi's scripts refuse: the end -1, and the channel of a mono recording."""
    ended, named, needed, result = list[str](), list[str](), list[str](), dict[str, str]()
    for key, line in lines.items():
        recording, start, end, *channel = fields(line)
        if usable.segments[key].end == TO_THE_END and recording in usable.seconds:
            end = str(round(usable.seconds[recording], 5))
            ended.append(key)
        if channel and recording in usable.seconds:
            mono = channel_count(usable.paths[recording]) == 1
            (named if mono else needed).append(key)
            channel = [] if mono else channel
        result[key] = " ".join([recording, start, end, *channel])
    if ended:
        changes.append(f"segments: wrote the end of {counted(ended, 'segment')} for -1: {first_few(ended)}.")
    if named:
        what = f"the channel of {counted(named, 'segment')} of mono recordings"
        changes.append(f"segments: removed {what}: {first_few(named)}.")
    if needed:
        what = f"the channel of {counted(needed, 'segment')}, which Kaldi's scripts refuse"
        remedy = "write each channel to its own recording to avoid it"
        changes.append(f"segments: kept {what}: {first_few(needed)}; {remedy}.")
    return result
