"""Mends a data directory as Kaldi's fix_data_dir.sh does: sorts, and drops what cannot be used."""

from __future__ import annotations

from pathlib import Path

from asr_prune.corpus.datadir import DataDir, c_order, read_lines, write_table
from asr_prune.corpus.inspect_audio import inspect_audio
from asr_prune.corpus.segments import parsed, segment_problems
from asr_prune.corpus.wording import counted, examples
from asr_prune.errors import UserError
from asr_prune.files import atomic

#: the tables of utterances that must be there, and those that may be
NEEDED = ("wav.scp", "text", "utt2spk")
OPTIONAL = ("segments", "feats.scp", "cmvn.scp")


def fix(path: Path | str, rate: int | None = None) -> list[str]:
    """Mends the data directory `path` in place; returns what it did, a sentence each; none where all was sound.

    Sorts, removes blank and repeated lines (the first is kept), drops utterances that a file lacks, that have no words,
    no speaker, no usable audio (rate as in `validate`) or a segment that cannot be cut, and writes spk2utt anew;
    `.backup/` holds the files before. Speakers that are no prefix of their utterances, overlapping segments, and words
    outside the vocabulary, are for a person to mend. Raises
    UserError where a needed file is missing or nothing would be left; the directory is then as it was.
    """
    path = Path(path)
    names = (*NEEDED, *(name for name in OPTIONAL if (path / name).exists()))
    done: list[str] = []
    tables = {name: _unique(name, read_lines(path / name), done) for name in names}
    kept = _usable(tables, rate, done)
    if not kept:
        raise UserError(f"{path}: no utterance is usable, so nothing was changed; {' '.join(done)}")
    mended = _restrict(tables, kept)
    if not _changes(path, mended):
        return done
    done.append(_back_up(path))
    for name, table in mended.items():
        write_table(path / name, table)
    return done


def _unique(name: str, lines: list[tuple[str, str]], done: list[str]) -> dict[str, str]:
    table: dict[str, str] = {}
    repeated: list[str] = []
    for key, rest in lines:
        if key in table:
            repeated.append(key)
        elif key:
            table[key] = " ".join(rest.split()) if name != "wav.scp" else rest
    if repeated:
        done.append(f"{name}: removed {counted(repeated, 'repeated line')}: {examples(repeated)}.")
    keys = [key for key, _ in lines]
    if blank := keys.count(""):
        done.append(f"{name}: removed {blank} blank.")
    if list(table) != sorted(table, key=c_order):
        done.append(f"{name}: sorted.")
    return table


def _usable(tables: dict[str, dict[str, str]], rate: int | None, done: list[str]) -> list[str]:
    """The utterances that can be used, in C order; says in `done` why others cannot."""
    segments, odd = parsed(tables.get("segments", {}).items())
    audio = "segments" if "segments" in tables else "wav.scp"
    kept = set().union(*(tables[name] for name in (audio, "text", "utt2spk")))

    def drop(why: str, lost: set[str]) -> None:
        if lost := lost & kept:
            kept.difference_update(lost)
            done.append(f"dropped {counted(lost, 'utterance')} {why}: {examples(sorted(lost, key=c_order))}.")

    for name in (name for name in (audio, "text", "utt2spk", "feats.scp") if name in tables):
        drop(f"missing in {name}", kept - tables[name].keys())
    drop("without words", {key for key in kept if not tables["text"][key]})
    drop("without exactly one speaker", {key for key in kept if len(tables["utt2spk"][key].split()) != 1})
    drop("whose segment is not `recording start end`", set(odd))
    sources = {key: segments[key].recording if segments else key for key in kept}
    drop("whose recording is missing in wav.scp", {key for key in kept if sources[key] not in tables["wav.scp"]})
    places = {sources[key]: tables["wav.scp"][sources[key]] for key in sorted(kept, key=c_order)}
    pipes = {key for key, place in places.items() if place[-1:] in ("", "|")}
    drop("whose audio is a pipe or has no name", {key for key in kept if sources[key] in pipes})
    found = inspect_audio({key: place for key, place in places.items() if key not in pipes}, rate)
    for kind, bad in sorted(found.problems.items()):
        drop(f"with {kind} audio", {key for key in kept if sources[key] in bad})
    cut = segment_problems({key: segments[key] for key in kept if segments}, found.seconds)
    for kind, lost in sorted(cut.items()):
        drop(f"with {kind} segments", set(lost))
    return sorted(kept, key=c_order)


def _restrict(tables: dict[str, dict[str, str]], kept: list[str]) -> dict[str, dict[str, str]]:
    data = DataDir(Path(), utt2spk={key: tables["utt2spk"][key] for key in kept})
    keys = dict.fromkeys(tables, kept)
    keys["cmvn.scp"] = list(data.spk2utt)
    if "segments" in tables:
        keys["wav.scp"] = sorted({tables["segments"][key].split()[0] for key in kept}, key=c_order)
    mended = {name: {key: table[key] for key in keys[name] if key in table} for name, table in tables.items()}
    mended["spk2utt"] = {speaker: " ".join(utterances) for speaker, utterances in data.spk2utt.items()}
    return mended


def _changes(path: Path, mended: dict[str, dict[str, str]]) -> bool:
    def as_written(table: dict[str, str]) -> bytes:
        return "".join(f"{key} {table[key]}\n" for key in sorted(table, key=c_order)).encode()

    return any(
        not (path / name).exists() or (path / name).read_bytes() != as_written(table) for name, table in mended.items()
    )


def _back_up(path: Path) -> str:
    backup = path / ".backup"
    for name in (*NEEDED, "spk2utt", *OPTIONAL):
        if (path / name).exists():
            with atomic(backup / name, "wb") as file:
                file.write((path / name).read_bytes())
    return f"the files as they were lie in {backup}."
