"""How much speech a recipe has: from the headers of its data directories, or before the corpus
stage of the corpus.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr_prune.corpus.audio import AudioProblem, measure_audio
from asr_prune.corpus.channels import ANY
from asr_prune.corpus.datadir import DataDir
from asr_prune.layout import SETS
from asr_prune.workflow.experiment import Experiment

#: headers read of a set; the hours of larger sets are scaled up
HEADERS = 500
AUDIO = (".flac", ".wav", ".sph")


@dataclass(frozen=True)
class Amount:
    """The size of a set, or of a corpus before the corpus stage. estimated: from some of the
    headers.
    """

    utterances: int
    hours: float
    words: int = 0
    speakers: int = 0
    estimated: bool = False
    #: CPU time to open a file and read its header
    header_seconds: float = 0.0


def amounts(experiment: Experiment) -> dict[str, Amount]:
    """Of train, dev and test once the corpus stage has made them; before that of the whole root, as
    `corpus`.
    """
    layout = experiment.layout
    if (layout.set("train") / "text").is_file():
        return {part: of_set(DataDir.read(layout.set(part))) for part in SETS}
    root = experiment.recipe.corpus.root
    amount = of_files(root) if root and root.is_dir() else None
    return {"corpus": amount} if amount else {}


def all_sets(sets: Sequence[Amount]) -> Amount:
    """Of sets that share no speaker, as one."""
    return Amount(
        utterances=sum(own.utterances for own in sets),
        hours=sum(own.hours for own in sets),
        words=sum(own.words for own in sets),
        speakers=sum(own.speakers for own in sets),
        estimated=any(own.estimated for own in sets),
    )


def of_set(data: DataDir) -> Amount:
    """Of a data directory."""
    words, speakers = sum(map(len, data.text.values())), len(set(data.utt2spk.values()))
    places = sorted(set(data.wavs.values()))
    seconds, header = audio_seconds(places)
    estimated = len(places) > HEADERS
    if data.segments and all(own.end > own.start for own in data.segments.values()):
        seconds, estimated = sum(own.end - own.start for own in data.segments.values()), False
    return Amount(len(data.text), seconds / 3600, words, speakers, estimated, header)


def of_files(root: Path) -> Amount | None:
    """Of all audio files below a folder; None if there are none."""
    places = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names if _is_audio(name)]
    seconds, header = audio_seconds(sorted(places))
    return Amount(len(places), seconds / 3600, estimated=True, header_seconds=header) if places else None


def _is_audio(name: str) -> bool:
    return name.lower().endswith(AUDIO)


def audio_seconds(places: Sequence[str]) -> tuple[float, float]:
    """The length of some audio files together, from the headers of at most HEADERS of them, evenly
    spread; unreadable files count nothing. And the seconds that it takes to read one header.
    """
    chosen, start = places[:: max(1, -(-len(places) // HEADERS))], time.process_time()
    length = sum(_lengths(chosen)) * len(places) / max(1, len(chosen))
    return length, (time.process_time() - start) / max(1, len(chosen))


def _lengths(places: Iterable[str]) -> Iterable[float]:
    for place in places:
        try:
            rate, samples = measure_audio(place, False, ANY)
        except AudioProblem:
            continue
        yield samples / rate
