"""The words that a runtime finds in the test set, beside those of the decode stage."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.audio_file import AudioProblem
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.sound import Sound
from asr_prune.errors import UserError, first_few
from asr_prune.integrity import checked
from asr_prune.process import WorkerEnded, worker_pool
from asr_prune.score.options import ScoreOptions
from asr_prune.score.text import merge, normalise, representatives

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HeardWords:
    """words: of each utterance; seconds: of CPU, without loading the model, for `audio` seconds;
    skipped: utterances whose audio cannot be used, and why.
    """

    words: dict[str, list[str]]
    seconds: float
    audio: float
    skipped: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> HeardWords:
        """Raises UserError if the file is missing or damaged."""
        return cls(**json.loads(checked(path).read_text(encoding="utf-8")))


def heard_by(recognise: Callable[[np.ndarray], list[str]], sound: Sound) -> HeardWords:
    """The words of each utterance of `sound`; audio that cannot be used is skipped.

    recognise: of samples, float32 [samples] in the range of int16, the words.
    """
    corpus, rate, words = DataDir.read(sound.data), sound.rate, dict[str, list[str]]()
    skipped, begin, audio = dict[str, str](), time.process_time(), 0
    for name, place in corpus.wavs.items():
        part = corpus.segments.get(name)
        try:
            samples, _ = read_audio(place, rate, part, sound.resample, sound.longest, sound.channel)
        except AudioProblem as problem:
            skipped[name] = str(problem)
            continue
        words[name] = recognise(samples)
        audio += len(samples)
    return HeardWords(words, time.process_time() - begin, max(audio / rate, 1e-9), skipped)


def heard_alone(job: Callable[..., HeardWords], given: tuple[Any, ...], sound: Sound, ended: str) -> HeardWords:
    """What `job(*given)` returns in a process of its own: what a runtime's code does not like ends
    the process. What it skipped is counted and logged.

    ended: what is said then. Raises UserError if the process ends, or if no utterance of `sound` is
    left.
    """
    with worker_pool(1, "spawn") as pool:
        try:
            (found,) = pool.starmap(job, [given])
        except WorkerEnded:
            raise UserError(f"{ended}; try the directory with {ended.split()[0]} alone.") from None
    if skipped := found.skipped:
        whole = len(skipped) + len(found.words)
        log.warning("%s: %d of %d utterances skipped: %s", sound.data, len(skipped), whole, first_few(skipped))
    if not found.words:
        first = next(iter(skipped.values()), "it is empty.")
        raise UserError(f"no utterance of {sound.data} can be used: {first}")
    return found


def other_words(ours: Mapping[str, list[str]], found: HeardWords, options: ScoreOptions) -> list[str]:
    """The utterances whose words are not `ours`, normalised and equivalents merged."""
    same = representatives(options)

    def judged(words: list[str]) -> list[str]:
        return merge(normalise(words, options.normalise), same)

    return [utt for utt, words in found.words.items() if judged(words) != judged(ours.get(utt, []))]


def alike_line(what: str, others: list[str], utterances: int) -> str:
    """For the terminal: how many of `utterances` have our words, and which have others."""
    told = f"; others: {first_few(others)}" if others else ""
    count = f"{utterances - len(others)} of {utterances} utterances of test"
    return f"{what}: {count} have the words of the decode stage{told}"
