"""Problems of data directories: all that Kaldi's validate_data_dir.sh refuses, and those of audio."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, pairwise
from pathlib import Path

from asr_prune.corpus.channels import Channel, channels_read
from asr_prune.corpus.datadir import TABLES, DataDir, c_order, read_content, split_lines
from asr_prune.corpus.inspect import inspect_audio
from asr_prune.corpus.same_ids import TableLines, check_ids, check_speakers
from asr_prune.corpus.scp import audio_paths
from asr_prune.corpus.segments import TO_THE_END, describe_segments, parse_segments
from asr_prune.corpus.side_tables import SIDE_TABLES, describe_unfit
from asr_prune.corpus.table_bytes import clean_table
from asr_prune.errors import UserError, counted, first_few
from asr_prune.text import fields

log = logging.getLogger(__name__)

#: what transcripts must not have: symbols of language models and graphs
_RESERVED = ("#0", "</s>", "<eps>", "<s>")
#: as `grep -w` finds them in the C locale; `<eps>` as a word
_SYMBOLS = re.compile(r"(?<![0-9A-Za-z_])(?:<s>|</s>|#0)(?![0-9A-Za-z_])|(?<!\S)<eps>(?!\S)")
#: the first field of a line, which `sort -k2` leaves out, with the blanks before it
_AFTER_ID = re.compile(r"^[ \t]*[^ \t]*")
_ONE_BLANK = re.compile(r"(\S+ \S+)?")


def validate(
    path: Path | str,
    rate: int | None = None,
    words: set[str] | None = None,
    decode: bool = True,
    audio: bool = True,
    channel: Channel = None,
    nj: int = 1,
) -> list[str]:
    """The problems of the data directory `path`, a sentence each.

    rate: sampling rate in hertz that the audio must have (None: any one rate; 0: any). words: the
    vocabulary (None: any words). decode: read all samples, not only the headers. audio: whether
    wav.scp is required; False if features replace it. channel: that is read of recordings whose
    segments name none (None: they must be mono). nj: number of processes that read audio. Raises
    UserError if `path` is not a folder.
    """
    return examine(path, rate, words, decode, audio, channel, nj=nj)[0]


def examine(
    path: Path | str,
    rate: int | None,
    words: set[str] | None,
    decode: bool,
    audio: bool,
    channel: Channel = None,
    transcribed: bool = True,
    nj: int = 1,
) -> tuple[list[str], dict[str, float]]:
    """What `validate` returns, and the seconds of each file of wav.scp that can be read.

    transcribed: whether utterances without words are a problem.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path} is not a data directory: no such folder.")
    tables, problems = _read_tables(path, audio or (path / "wav.scp").is_file())
    damage, seconds = _check_audio(path / "wav.scp", tables, rate, decode, channel, nj)
    checks: list[tuple[Path, Iterable[str]]] = [
        *((path / name, _check_lines(lines)) for name, lines in tables.items()),
        (path, check_ids(tables)),
        (path / "utt2spk", check_speakers(tables.get("utt2spk", []))),
        (path / "text", _check_text(tables.get("text", []) if transcribed else [], words)),
        (path / "wav.scp", damage),
        (path / "segments", _check_segments(tables.get("segments", []), seconds)),
        *_check_side_tables(path, tables),
    ]
    problems += [f"{file}: {problem}" for file, sentences in checks for problem in sentences]
    return problems, seconds


def check_overlap(sets: Mapping[str, DataDir]) -> list[str]:
    """A sentence for each pair of `sets` (name -> directory) that share speakers.

    Raises UserError if two sets share an utterance id.
    """
    shares = []
    for (one, left), (two, right) in combinations(sets.items(), 2):
        if utterances := sorted(left.text.keys() & right.text.keys(), key=c_order):
            what = f"{counted(utterances, 'utterance id')}: {first_few(utterances)}"
            remedy = "put each utterance into one set only, under a unique id"
            raise UserError(f"{one} and {two} share {what}; {remedy}.")
        common = {*left.utt2spk.values()} & {*right.utt2spk.values()}
        if speakers := sorted(common, key=c_order):
            what = f"{counted(speakers, 'speaker')}: {first_few(speakers)}"
            shares.append(f"{one} and {two} share {what}.")
    return shares


def check_counts(where: str, counts: Mapping[str, int], known: Mapping[str, int], whole: bool = True) -> None:
    """Compares the counts of a corpus, {what is counted: number}, with its known counts.

    Keys of `counts` that `known` lacks are ignored. where: the corpus's folder and name. Raises
    UserError that names every difference; with whole=False a warning is logged instead.
    """
    wrong = {key: count for key, count in known.items() if counts.get(key, 0) != count}
    odd = [f"{counts.get(key, 0)} {key} instead of {count}" for key, count in wrong.items()]
    if not odd:
        return
    if whole:
        remedy = "copy the corpus again, or set corpus.options.whole=false to use a part of it"
        raise UserError(f"{where}: {', '.join(odd)}; {remedy}.")
    log.warning("%s: incomplete, %s", where, ", ".join(odd))


def _read_tables(path: Path, audio: bool) -> tuple[dict[str, TableLines], list[str]]:
    tables: dict[str, TableLines] = {}
    problems: list[str] = []
    needed = [name for name in TABLES if audio or name != "wav.scp"]
    optional = ("wav.scp", "segments", *(table.name for table in SIDE_TABLES))
    there = (name for name in optional if name not in needed and os.path.lexists(path / name))
    for name in (*needed, *there):
        try:
            content = read_content(path / name)
        except UserError as error:
            problems.append(str(error))
            continue
        clean, findings = clean_table(name, content)
        tables[name] = split_lines(clean)
        problems += [f"{path}/{name}: {found.problem}." for found in findings if found.refused]
        problems += [f"{path}/{name}: {problem}" for problem in _check_raw(name, content)]
    if "segments" in tables and "wav.scp" not in tables and not audio:
        problems.append(f"{path}: has segments but no wav.scp; restore it, or remove segments.")
    return tables, problems


def _check_raw(name: str, content: str) -> Iterator[str]:
    """What Kaldi's script finds by sort and grep in whole lines."""
    lines = content.split("\n")
    if name == "text" and (odd := [fields(line)[0] for line in lines if _SYMBOLS.search(line)]):
        what = f"with a reserved symbol ({', '.join(_RESERVED)})"
        yield f"{counted(odd, 'utterance')} {what}: {first_few(odd)}."
    if name == "utt2spk" and content:
        by_speaker = [(c_order(_AFTER_ID.sub("", line)), c_order(line)) for line in lines[:-1]]
        blanks = [line for line in lines if _ONE_BLANK.fullmatch(line) is None]
        if blanks and any(after < before for before, after in pairwise(by_speaker)):
            yield "is not sorted as `sort -k2` sorts; separate id and speaker by one space."


def _check_lines(lines: TableLines) -> Iterator[str]:
    if not lines:
        yield "is empty."
    if blank := [str(number) for number, (key, _) in enumerate(lines, 1) if not key]:
        yield f"has blank lines: {first_few(blank)}."
    keys = [key for key, _ in lines if key]
    if repeated := [key for key, count in Counter(keys).items() if count > 1]:
        yield f"repeats {counted(repeated, 'id')}: {first_few(repeated)}."
    if wrong := [after for before, after in pairwise(keys) if c_order(after) < c_order(before)]:
        yield f"is not sorted as LC_ALL=C sorts, first at {wrong[0]}."


def _check_side_tables(path: Path, tables: dict[str, TableLines]) -> Iterator[tuple[Path, Iterable[str]]]:
    for table in SIDE_TABLES:
        lines = {key: rest for key, rest in tables.get(table.name, ()) if key}
        yield path / table.name, describe_unfit(table, lines)


def _check_text(lines: TableLines, words: set[str] | None) -> Iterator[str]:
    if empty := [key for key, rest in lines if key and not rest]:
        yield f"{counted(empty, 'utterance')} without words: {first_few(empty)}."
    spoken = Counter(word for _, rest in lines for word in fields(rest)) if words is not None else {}
    missing = Counter({word: count for word, count in spoken.items() if word not in (words or ())})
    if missing:
        frequent = first_few(f"{word} ({count})" for word, count in missing.most_common())
        what = f"{counted(missing, 'word')} outside the vocabulary, {missing.total()} times in all"
        yield f"{what}: {frequent}."


def _check_audio(
    scp: Path, tables: dict[str, TableLines], rate: int | None, decode: bool, channel: Channel, nj: int
) -> tuple[list[str], dict[str, float]]:
    """Problems of the audio, and the seconds of each file that can be read."""
    problems, lines = [], tables.get("wav.scp", [])
    if empty := [key for key, place in lines if key and not place]:
        problems.append(f"{counted(empty, 'utterance')} without a file name: {first_few(empty)}.")
    if pipes := [key for key, place in lines if place.endswith("|")]:
        remedy = "which are not run; write the audio to files"
        problems.append(f"{counted(pipes, 'pipe')}, {remedy}: {first_few(pipes)}.")
    if homes := [key for key, place in lines if place.startswith("~")]:
        remedy = "which no program replaces; write the folder in full"
        problems.append(f"{counted(homes, 'path')} with a tilde, {remedy}: {first_few(homes)}.")
    wavs = {key: place for key, place in lines if key and place and not place.endswith("|")}
    channels = channels_read(wavs, parse_segments(tables.get("segments", []))[0], channel)
    inspected = inspect_audio(audio_paths(scp, wavs), rate, decode, channels, nj)
    for kind, details in sorted(inspected.problems.items()):
        files = first_few(f"{key} ({detail})" for key, detail in details.items())
        problems.append(f"{counted(details, f'{kind} audio file')}: {files}.")
    if inspected.streamed:
        what = f"{counted(inspected.streamed, 'WAV file')} without a length in the header, read to the end"
        log.warning("%s: %s: %s", scp, what, first_few(inspected.streamed))
    return problems, inspected.seconds


def _check_segments(lines: TableLines, seconds: dict[str, float]) -> Iterator[str]:
    segments, odd = parse_segments(lines)
    if odd:
        what = "that are not `utterance recording start end` in seconds"
        yield f"{counted(odd, 'line')} {what}: {first_few(odd)}."
    if named := [key for key, segment in segments.items() if segment.channel is not None]:
        what = "with a channel, which Kaldi's extract-segments reads but its scripts refuse"
        yield f"{counted(named, 'line')} {what}: {first_few(named)}."
    if endless := [key for key, segment in segments.items() if segment.end == TO_THE_END]:
        what = "with the end -1, which Kaldi's extract-segments reads but its scripts refuse"
        yield f"{counted(endless, 'line')} {what}: {first_few(endless)}."
    yield from describe_segments(segments, seconds)
