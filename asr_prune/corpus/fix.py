"""Repairing a data directory as Kaldi's fix_data_dir.sh: sorting, dropping unusable lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from asr_prune.corpus.channels import Channel
from asr_prune.corpus.datadir import (
    c_order,
    group_by_speaker,
    read_content,
    split_lines,
    write_table,
)
from asr_prune.corpus.fix_side import remade
from asr_prune.corpus.side_tables import SIDE_TABLES
from asr_prune.corpus.table_bytes import clean_table
from asr_prune.corpus.usable import Tables, Usable
from asr_prune.errors import UserError, counted, first_few
from asr_prune.files import atomic, present
from asr_prune.integrity import forget
from asr_prune.text import fields

_NEEDED = ("text", "utt2spk")
_OPTIONAL = ("wav.scp", "segments", *(table.name for table in SIDE_TABLES))


def fix(path: Path | str, rate: int | None = None, channel: Channel = None, nj: int = 1) -> list[str]:
    """Repairs the data directory `path` in place; returns the changes, a sentence each.

    Removes the blemishes of `clean_table`, sorts the files, removes blank and repeated lines (the
    first is kept), drops utterances that a file lacks or that have no words, no speaker, no usable
    audio (rate, channel and nj as in `validate`), a segment that cannot be cut, or a line of the wrong
    form in one of SIDE_TABLES. spk2utt and missing durations are written anew, an incomplete
    utt2num_frames is removed; `.backup/` gets the files before the change. Not repaired: speakers
    that are not prefixes of their utterances, overlapping segments, reserved symbols, words outside
    the vocabulary. Pipes in wav.scp are not run. Raises UserError if a needed file is missing
    (wav.scp is not beside feats.scp) or no utterance would be left; nothing is changed then.
    """
    path = Path(path)
    sources = () if present(path / "feats.scp") else ("wav.scp",)  # as fix_data_dir.sh
    optional = (name for name in _OPTIONAL if present(path / name))
    names = tuple(dict.fromkeys((*_NEEDED, *sources, *optional)))
    changes: list[str] = []
    tables = {name: _unique(name, _clean_lines(path / name, changes), changes) for name in names}
    usable = Usable(path, tables, changes, channel)
    kept = usable.utterances(rate, nj)
    if not kept:
        what = "no utterance is usable, so nothing was changed"
        raise UserError(f"{path}: {what}; {' '.join(changes)}")
    fixed = remade(usable, kept, changes)
    fixed["spk2utt"] = _spk2utt(path, fixed["utt2spk"], usable.known["utterance"], changes)
    if _differs(path, fixed, names):
        changes.append(_back_up(path))
        forget(path / name for name in {*fixed, *names})
        _write(path, fixed, names)
    return changes


def _clean_lines(path: Path, changes: list[str]) -> list[tuple[str, str]]:
    content, findings = clean_table(path.name, read_content(path))
    changes += [f"{path.name}: {finding.change}." for finding in findings]
    return split_lines(content)


def _unique(name: str, lines: list[tuple[str, str]], changes: list[str]) -> dict[str, str]:
    table, repeated, blank = dict[str, str](), list[str](), [key for key, _ in lines if not key]
    for key, rest in lines:
        if key in table:
            repeated.append(key)
        elif key:
            table[key] = rest
    if repeated:
        what = counted(repeated, "repeated line")
        changes.append(f"{name}: removed {what}: {first_few(repeated)}.")
    if blank:
        changes.append(f"{name}: removed {counted(blank, 'blank line')}.")
    if list(table) != sorted(table, key=c_order):
        changes.append(f"{name}: sorted.")
    return table


def _spk2utt(path: Path, utt2spk: Mapping[str, str], known: set[str], changes: list[str]) -> dict[str, str]:
    """Of the kept utterances; says so unless spk2utt had them and only lost what was dropped."""
    lines = _clean_lines(path / "spk2utt", changes) if present(path / "spk2utt") else []
    right = {speaker: " ".join(group) for speaker, group in group_by_speaker(utt2spk).items()}
    dropped, left = known - utt2spk.keys(), list[tuple[str, str]]()
    for speaker, utterances in lines:
        rest = [key for key in fields(utterances) if key not in dropped]
        if rest or not utterances:
            left.append((speaker, " ".join(rest)))
    if left != list(right.items()):
        changes.append("spk2utt: written anew from utt2spk.")
    return right


def _differs(path: Path, fixed: Tables, names: tuple[str, ...]) -> bool:
    for name, table in fixed.items():
        content = "".join(f"{key} {table[key]}\n" for key in sorted(table, key=c_order))
        if not (path / name).exists() or (path / name).read_bytes() != content.encode():
            return True
    return any(name not in fixed for name in names)


def _write(path: Path, fixed: Tables, names: tuple[str, ...]) -> None:
    for name, table in fixed.items():
        write_table(path / name, table)
    for name in names:
        if name not in fixed:
            (path / name).unlink()


def _back_up(path: Path) -> str:
    backup = path / ".backup"
    for name in (*_NEEDED, "spk2utt", *_OPTIONAL):
        if (path / name).exists():
            with atomic(backup / name, "wb") as file:
                file.write((path / name).read_bytes())
    return f"the original files are in {backup}."
