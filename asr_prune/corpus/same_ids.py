"""Whether the tables of a data directory have the same utterances, speakers and recordings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from asr_prune.corpus.datadir import c_order
from asr_prune.corpus.side_tables import SIDE_TABLES
from asr_prune.errors import counted, first_few
from asr_prune.text import fields

#: lines of a table, as (key, rest)
TableLines = list[tuple[str, str]]


def check_ids(tables: dict[str, TableLines]) -> Iterator[str]:
    """A sentence for each table (by name) whose ids are not those of utt2spk, or of its speakers.

    Recordings must be those of segments, if it exists.
    """
    keys = {name: {key for key, _ in lines if key} for name, lines in tables.items()}
    if "utt2spk" not in keys:
        return
    cut = "segments" in keys
    expected = {
        "utterance": ("utt2spk", keys["utt2spk"]),
        "speaker": ("the speakers of utt2spk", {rest for _, rest in tables["utt2spk"] if rest}),
        "recording": ("utt2spk", keys["utt2spk"]),
    }
    if cut:
        recordings = {fields(rest)[0] for _, rest in tables["segments"] if rest}
        expected["recording"] = ("the recordings of segments", recordings)
    first = {"segments": "utterance", "text": "utterance", "wav.scp": "recording"}
    for name, of in (first | {table.name: table.of for table in SIDE_TABLES}).items():
        if name in keys:
            yield from _differences(name, keys[name], *expected[of])
    yield from _check_spk2utt(tables) if "spk2utt" in keys else ()


def _check_spk2utt(tables: dict[str, TableLines]) -> Iterator[str]:
    expected: dict[str, list[str]] = {}
    for key, speaker in tables["utt2spk"]:
        expected.setdefault(speaker, []).append(key)
    actual = {key: fields(rest) for key, rest in tables["spk2utt"] if key}
    speakers = sorted(filter(None, expected.keys() | actual.keys()), key=c_order)
    odd = [speaker for speaker in speakers if expected.get(speaker) != actual.get(speaker)]
    order = [speaker for speaker in odd if sorted(expected.get(speaker, ())) == sorted(actual.get(speaker, ()))]
    if other := [speaker for speaker in odd if speaker not in order]:
        yield f"spk2utt and utt2spk disagree about {counted(other, 'speaker')}: {first_few(other)}."
    if order:
        what = f"lists the utterances of {counted(order, 'speaker')} in another order than utt2spk"
        yield f"spk2utt {what}: {first_few(order)}."


def _differences(left: str, left_keys: set[str], right: str, right_keys: set[str]) -> Iterator[str]:
    sides = []
    for name, keys in ((left, left_keys - right_keys), (right, right_keys - left_keys)):
        if keys:
            sides.append(f"only in {name}: {first_few(sorted(keys, key=c_order))}")
    if sides:
        yield f"{left} and {right} differ; {'; '.join(sides)}."


def check_speakers(lines: TableLines) -> Iterator[str]:
    """Problems of utt2spk: each utterance has one speaker, and both are in the same order."""
    if odd := [key for key, rest in lines if key and len(fields(rest)) != 1]:
        yield f"{counted(odd, 'line')} without exactly one speaker: {first_few(odd)}."
    pairs = [(key, rest) for key, rest in lines if key and len(fields(rest)) == 1]
    by_id = sorted(pairs, key=lambda pair: c_order(pair[0]))
    wrong = [after[0] for before, after in pairwise(by_id) if c_order(after[1]) < c_order(before[1])]
    if not wrong:
        return
    if odd := [key for key, speaker in pairs if not key.startswith(speaker)]:
        what = f"{counted(odd, 'utterance id')} that do not begin with their speaker"
        yield f"{what}: {first_few(odd)}."
    remedy = "separate the speaker from the rest of the id by `-`"
    yield f"utterances and speakers sort differently, first at {wrong[0]}: {remedy}."
