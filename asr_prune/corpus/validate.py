"""What is wrong with a data directory: what Kaldi's validate_data_dir.sh finds, and what the audio itself hides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from asr_prune.corpus.datadir import TABLES, c_order, group_by_speaker, read_lines
from asr_prune.corpus.inspect_audio import inspect_audio
from asr_prune.corpus.segments import parsed, told_problems
from asr_prune.corpus.wording import counted, examples
from asr_prune.errors import UserError

#: what a transcript may not hold: the names that language models and graphs give to their own symbols
RESERVED = frozenset({"<s>", "</s>", "#0", "<eps>"})
Lines = list[tuple[str, str]]


def validate(
    path: Path | str,
    rate: int | None = None,
    words: set[str] | None = None,
    decode: bool = True,
    audio: bool = True,
) -> list[str]:
    """All problems of the data directory `path`, a sentence each; none where it is sound.

    rate: the sampling rate that the audio must have, in hertz (None: one rate, whichever; 0: any). words: the
    vocabulary (None: any). decode: read all samples, not only the headers. audio: False where features stand in for
    wav.scp, which may then be missing. Raises UserError where `path` is not a folder.
    """
    return examine(path, rate, words, decode, audio)[0]


def examine(
    path: Path | str, rate: int | None, words: set[str] | None, decode: bool, audio: bool
) -> tuple[list[str], dict[str, float]]:
    """What `validate` finds, and the seconds of each file of wav.scp that can be read, each opened once."""
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path} is not a data directory: there is no such folder.")
    tables, problems = _read_tables(path, audio or (path / "wav.scp").is_file())
    for name, lines in tables.items():
        problems += [f"{path}/{name}: {problem}" for problem in _check_lines(lines)]
    problems += [f"{path}: {problem}" for problem in _check_ids(tables)]
    problems += [f"{path}/utt2spk: {problem}" for problem in _check_speakers(tables)]
    problems += [f"{path}/text: {problem}" for problem in _check_text(tables.get("text", []), words)]
    told, seconds = _check_audio(tables.get("wav.scp", []), rate, decode)
    problems += [f"{path}/wav.scp: {problem}" for problem in told]
    problems += [f"{path}/segments: {problem}" for problem in _check_segments(tables.get("segments", []), seconds)]
    return problems, seconds


def _read_tables(path: Path, audio: bool) -> tuple[dict[str, Lines], list[str]]:
    tables: dict[str, Lines] = {}
    problems: list[str] = []
    needed = [name for name in TABLES if audio or name != "wav.scp"]
    for name in (*needed, *(name for name in ("segments", "feats.scp", "cmvn.scp") if (path / name).exists())):
        try:
            tables[name] = read_lines(path / name)
            if b"\r" in (path / name).read_bytes():
                problems.append(f"{path}/{name}: has Windows line ends.")
        except UserError as error:
            problems.append(str(error))
    return tables, problems


def _check_lines(lines: Lines) -> Iterator[str]:
    if not lines:
        yield "is empty."
    if blank := [str(number) for number, (key, _) in enumerate(lines, 1) if not key]:
        yield f"has blank lines: {examples(blank)}."
    keys = [key for key, _ in lines if key]
    if repeated := [key for key, count in Counter(keys).items() if count > 1]:
        yield f"repeats {counted(repeated, 'id')}: {examples(repeated)}."
    if wrong := [after for before, after in pairwise(keys) if c_order(after) < c_order(before)]:
        yield f"is not sorted as LC_ALL=C sorts, first at {wrong[0]}."


def _check_ids(tables: dict[str, Lines]) -> Iterator[str]:
    """The files must name the same utterances (those of utt2spk) and the same speakers."""
    keys = {name: {key for key, _ in lines if key} for name, lines in tables.items()}
    if "utt2spk" not in keys:
        return
    for name in ("segments" if "segments" in keys else "wav.scp", "text", "feats.scp"):
        if name in keys:
            yield from _diff(name, keys[name], "utt2spk", keys["utt2spk"])
    if "segments" in keys and "wav.scp" in keys:
        recordings = {rest.split()[0] for _, rest in tables["segments"] if rest}
        yield from _diff("wav.scp", keys["wav.scp"], "the recordings of segments", recordings)
    speakers = {rest for _, rest in tables["utt2spk"] if rest}
    if "cmvn.scp" in keys:
        yield from _diff("cmvn.scp", keys["cmvn.scp"], "the speakers of utt2spk", speakers)
    if "spk2utt" in keys:
        grouped = group_by_speaker({key: speaker for key, speaker in tables["utt2spk"] if key})
        said = {key: sorted(rest.split(), key=c_order) for key, rest in tables["spk2utt"] if key}
        if odd := [s for s in sorted(grouped.keys() | said.keys(), key=c_order) if grouped.get(s) != said.get(s)]:
            yield f"spk2utt and utt2spk disagree about {counted(odd, 'speaker')}: {examples(odd)}."


def _diff(left: str, left_keys: set[str], right: str, right_keys: set[str]) -> Iterator[str]:
    only_left, only_right = sorted(left_keys - right_keys, key=c_order), sorted(right_keys - left_keys, key=c_order)
    sides = [f"only in {name}: {examples(keys)}" for name, keys in ((left, only_left), (right, only_right)) if keys]
    if sides:
        yield f"{left} and {right} differ; {'; '.join(sides)}."


def _check_speakers(tables: dict[str, Lines]) -> Iterator[str]:
    lines = tables.get("utt2spk", [])
    if odd := [key for key, rest in lines if key and len(rest.split()) != 1]:
        yield f"{counted(odd, 'line')} without exactly one speaker: {examples(odd)}."
    pairs = [(key, rest) for key, rest in lines if key and len(rest.split()) == 1]
    if odd := [key for key, speaker in pairs if not key.startswith(speaker)]:
        yield f"{counted(odd, 'utterance id')} that do not begin with their speaker: {examples(odd)}."
    by_id = sorted(pairs, key=lambda pair: c_order(pair[0]))
    if wrong := [after[0] for before, after in pairwise(by_id) if c_order(after[1]) < c_order(before[1])]:
        yield f"utterances and speakers sort differently, first at {wrong[0]}: put a `-` between speaker and the rest."


def _check_text(lines: Lines, words: set[str] | None) -> Iterator[str]:
    if empty := [key for key, rest in lines if key and not rest]:
        yield f"{counted(empty, 'utterance')} without words: {examples(empty)}."
    if odd := [key for key, rest in lines if RESERVED & set(rest.split())]:
        yield f"{counted(odd, 'utterance')} with a reserved symbol ({', '.join(sorted(RESERVED))}): {examples(odd)}."
    missing = Counter(word for _, rest in lines for word in rest.split() if words is not None and word not in words)
    if missing:
        told = examples(f"{word} ({count})" for word, count in missing.most_common())
        yield f"{counted(missing, 'word')} outside the vocabulary, {missing.total()} times in all: {told}."


def _check_audio(lines: Lines, rate: int | None, decode: bool) -> tuple[list[str], dict[str, float]]:
    """What is wrong with the audio, and the seconds of each file that can be read."""
    told = []
    if empty := [key for key, place in lines if key and not place]:
        told.append(f"{counted(empty, 'utterance')} without a file name: {examples(empty)}.")
    if pipes := [key for key, place in lines if place.endswith("|")]:
        told.append(f"{counted(pipes, 'pipe')}, which are not run; write the audio to files: {examples(pipes)}.")
    wavs = {key: place for key, place in lines if key and place and not place.endswith("|")}
    audio = inspect_audio(wavs, rate, decode)
    for kind, found in sorted(audio.problems.items()):
        told_of = examples(f"{key} ({what})" for key, what in found.items())
        told.append(f"{counted(found, f'{kind} audio file')}: {told_of}.")
    return told, audio.seconds


def _check_segments(lines: Lines, seconds: dict[str, float]) -> Iterator[str]:
    segments, odd = parsed(lines)
    if odd:
        yield f"{counted(odd, 'line')} that are not `utterance recording start end` in seconds: {examples(odd)}."
    yield from told_problems(segments, seconds)
