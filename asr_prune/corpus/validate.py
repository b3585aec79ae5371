"""Problems of data directories, as Kaldi's validate_data_dir.sh reports them, and of audio."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, pairwise
from pathlib import Path

from asr_prune.corpus.audio import inspect_audio
from asr_prune.corpus.datadir import TABLES, DataDir, c_order, group_by_speaker, read_lines
from asr_prune.corpus.scp import audio_paths
from asr_prune.corpus.segments import describe_segments, parse_segments
from asr_prune.errors import UserError, counted, first_few

log = logging.getLogger(__name__)

#: words that transcripts must not have: symbols of language models and graphs
_RESERVED = frozenset({"<s>", "</s>", "#0", "<eps>"})
_Lines = list[tuple[str, str]]


def validate(
    path: Path | str,
    rate: int | None = None,
    words: set[str] | None = None,
    decode: bool = True,
    audio: bool = True,
) -> list[str]:
    """The problems of the data directory `path`, a sentence each.

    rate: sampling rate in hertz that the audio must have (None: any one rate; 0: any). words: the
    vocabulary (None: any words). decode: read all samples, not only the headers. audio: whether
    wav.scp is required; False if features replace it. Raises UserError if `path` is not a folder.
    """
    return examine(path, rate, words, decode, audio)[0]


def examine(
    path: Path | str,
    rate: int | None,
    words: set[str] | None,
    decode: bool,
    audio: bool,
    transcribed: bool = True,
) -> tuple[list[str], dict[str, float]]:
    """What `validate` returns, and the seconds of each file of wav.scp that can be read.

    transcribed: whether utterances without words are a problem.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path} is not a data directory: no such folder.")
    tables, problems = _read_tables(path, audio or (path / "wav.scp").is_file())
    damage, seconds = _check_audio(path / "wav.scp", tables.get("wav.scp", []), rate, decode)
    checks: list[tuple[Path, Iterable[str]]] = [
        *((path / name, _check_lines(lines)) for name, lines in tables.items()),
        (path, _check_ids(tables)),
        (path / "utt2spk", _check_speakers(tables)),
        (path / "text", _check_text(tables.get("text", []) if transcribed else [], words)),
        (path / "wav.scp", damage),
        (path / "segments", _check_segments(tables.get("segments", []), seconds)),
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


def _read_tables(path: Path, audio: bool) -> tuple[dict[str, _Lines], list[str]]:
    tables: dict[str, _Lines] = {}
    problems: list[str] = []
    needed = [name for name in TABLES if audio or name != "wav.scp"]
    optional = (name for name in ("segments", "feats.scp", "cmvn.scp") if (path / name).exists())
    for name in (*needed, *optional):
        try:
            tables[name] = read_lines(path / name)
            if b"\r" in (path / name).read_bytes():
                problems.append(f"{path}/{name}: has Windows line ends.")
        except UserError as error:
            problems.append(str(error))
    return tables, problems


def _check_lines(lines: _Lines) -> Iterator[str]:
    if not lines:
        yield "is empty."
    if blank := [str(number) for number, (key, _) in enumerate(lines, 1) if not key]:
        yield f"has blank lines: {first_few(blank)}."
    keys = [key for key, _ in lines if key]
    if repeated := [key for key, count in Counter(keys).items() if count > 1]:
        yield f"repeats {counted(repeated, 'id')}: {first_few(repeated)}."
    if wrong := [after for before, after in pairwise(keys) if c_order(after) < c_order(before)]:
        yield f"is not sorted as LC_ALL=C sorts, first at {wrong[0]}."


def _check_ids(tables: dict[str, _Lines]) -> Iterator[str]:
    """All files must have the utterances of utt2spk and its speakers."""
    keys = {name: {key for key, _ in lines if key} for name, lines in tables.items()}
    if "utt2spk" not in keys:
        return
    for name in ("segments" if "segments" in keys else "wav.scp", "text", "feats.scp"):
        if name in keys:
            yield from _differences(name, keys[name], "utt2spk", keys["utt2spk"])
    if "segments" in keys and "wav.scp" in keys:
        recordings = {rest.split()[0] for _, rest in tables["segments"] if rest}
        yield from _differences("wav.scp", keys["wav.scp"], "the recordings of segments", recordings)
    if "cmvn.scp" in keys:
        speakers = {rest for _, rest in tables["utt2spk"] if rest}
        yield from _differences("cmvn.scp", keys["cmvn.scp"], "the speakers of utt2spk", speakers)
    yield from _check_spk2utt(tables) if "spk2utt" in keys else ()


def _check_spk2utt(tables: dict[str, _Lines]) -> Iterator[str]:
    expected = group_by_speaker({key: speaker for key, speaker in tables["utt2spk"] if key})
    actual = {key: sorted(rest.split(), key=c_order) for key, rest in tables["spk2utt"] if key}
    speakers = sorted(expected.keys() | actual.keys(), key=c_order)
    if odd := [speaker for speaker in speakers if expected.get(speaker) != actual.get(speaker)]:
        yield f"spk2utt and utt2spk disagree about {counted(odd, 'speaker')}: {first_few(odd)}."


def _differences(left: str, left_keys: set[str], right: str, right_keys: set[str]) -> Iterator[str]:
    sides = []
    for name, keys in ((left, left_keys - right_keys), (right, right_keys - left_keys)):
        if keys:
            sides.append(f"only in {name}: {first_few(sorted(keys, key=c_order))}")
    if sides:
        yield f"{left} and {right} differ; {'; '.join(sides)}."


def _check_speakers(tables: dict[str, _Lines]) -> Iterator[str]:
    lines = tables.get("utt2spk", [])
    if odd := [key for key, rest in lines if key and len(rest.split()) != 1]:
        yield f"{counted(odd, 'line')} without exactly one speaker: {first_few(odd)}."
    pairs = [(key, rest) for key, rest in lines if key and len(rest.split()) == 1]
    if odd := [key for key, speaker in pairs if not key.startswith(speaker)]:
        what = f"{counted(odd, 'utterance id')} that do not begin with their speaker"
        yield f"{what}: {first_few(odd)}."
    by_id = sorted(pairs, key=lambda pair: c_order(pair[0]))
    if wrong := [after[0] for before, after in pairwise(by_id) if c_order(after[1]) < c_order(before[1])]:
        remedy = "separate the speaker from the rest of the id by `-`"
        yield f"utterances and speakers sort differently, first at {wrong[0]}: {remedy}."


def _check_text(lines: _Lines, words: set[str] | None) -> Iterator[str]:
    if empty := [key for key, rest in lines if key and not rest]:
        yield f"{counted(empty, 'utterance')} without words: {first_few(empty)}."
    if odd := [key for key, rest in lines if _RESERVED & set(rest.split())]:
        what = f"with a reserved symbol ({', '.join(sorted(_RESERVED))})"
        yield f"{counted(odd, 'utterance')} {what}: {first_few(odd)}."
    spoken = Counter(word for _, rest in lines for word in rest.split()) if words is not None else {}
    missing = Counter({word: count for word, count in spoken.items() if word not in (words or ())})
    if missing:
        frequent = first_few(f"{word} ({count})" for word, count in missing.most_common())
        what = f"{counted(missing, 'word')} outside the vocabulary, {missing.total()} times in all"
        yield f"{what}: {frequent}."


def _check_audio(scp: Path, lines: _Lines, rate: int | None, decode: bool) -> tuple[list[str], dict[str, float]]:
    """Problems of the audio, and the seconds of each file that can be read."""
    problems = []
    if empty := [key for key, place in lines if key and not place]:
        problems.append(f"{counted(empty, 'utterance')} without a file name: {first_few(empty)}.")
    if pipes := [key for key, place in lines if place.endswith("|")]:
        remedy = "which are not run; write the audio to files"
        problems.append(f"{counted(pipes, 'pipe')}, {remedy}: {first_few(pipes)}.")
    wavs = {key: place for key, place in lines if key and place and not place.endswith("|")}
    inspected = inspect_audio(audio_paths(scp, wavs), rate, decode)
    for kind, details in sorted(inspected.problems.items()):
        files = first_few(f"{key} ({detail})" for key, detail in details.items())
        problems.append(f"{counted(details, f'{kind} audio file')}: {files}.")
    return problems, inspected.seconds


def _check_segments(lines: _Lines, seconds: dict[str, float]) -> Iterator[str]:
    segments, odd = parse_segments(lines)
    if odd:
        what = "that are not `utterance recording start end` in seconds"
        yield f"{counted(odd, 'line')} {what}: {first_few(odd)}."
    yield from describe_segments(segments, seconds)
