"""How much speech there is: from the data directories' headers, or, before the corpus stage, from the corpus's."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr_prune.corpus.audio import AudioProblem, measure_audio
from asr_prune.corpus.datadir import DataDir
from asr_prune.workflow.context import SETS, Context

#: headers that are read of a set; hours of larger sets are scaled up
HEADERS = 500
AUDIO = (".flac", ".wav", ".sph")


@dataclass(frozen=True)
class Amount:
    """Of a set, or of a corpus that no set has been made of. estimated: from some of the headers."""

    utterances: int
    hours: float
    words: int = 0
    speakers: int = 0
    estimated: bool = False
    #: that it takes to open a file and read its header
    header_seconds: float = 0.0


def amounts(context: Context) -> dict[str, Amount]:
    """Of train, dev and test where the corpus stage has made them; else of the whole root, as `corpus`; else none."""
    if (context.data / "train/text").is_file():
        return {part: of_set(DataDir.read(context.data / part)) for part in SETS}
    root = context.recipe.corpus.root
    found = of_files(root) if root and root.is_dir() else None
    return {"corpus": found} if found else {}


def of_set(data: DataDir) -> Amount:
    """Of a data directory."""
    words, speakers = sum(map(len, data.text.values())), len(set(data.utt2spk.values()))
    places = sorted(set(data.wavs.values()))
    seconds, header = seconds_of(places)
    estimated = len(places) > HEADERS
    if data.segments and all(own.end > own.start for own in data.segments.values()):
        seconds, estimated = sum(own.end - own.start for own in data.segments.values()), False
    return Amount(len(data.text), seconds / 3600, words, speakers, estimated, header)


def of_files(root: Path) -> Amount | None:
    """Of all audio files below a folder; None where there is none."""
    places = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names if _is_audio(name)]
    seconds, header = seconds_of(sorted(places))
    return Amount(len(places), seconds / 3600, estimated=True, header_seconds=header) if places else None


def _is_audio(name: str) -> bool:
    return name.lower().endswith(AUDIO)


def seconds_of(places: Sequence[str]) -> tuple[float, float]:
    """Of audio files together, by the headers of at most HEADERS of them, evenly spread; those that cannot be read
    count nothing. And the seconds that it takes to read one header.
    """
    chosen, start = places[:: max(1, -(-len(places) // HEADERS))], time.process_time()
    spoken = sum(_lengths(chosen)) * len(places) / max(1, len(chosen))
    return spoken, (time.process_time() - start) / max(1, len(chosen))


def _lengths(places: Iterable[str]) -> Iterable[float]:
    for place in places:
        try:
            rate, samples = measure_audio(place, decode=False)
        except AudioProblem:
            continue
        yield samples / rate
