"""Every audio file of a data directory opened and decoded, problems sorted by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from asr_prune.corpus.audio import AudioProblem, measure_audio
from asr_prune.corpus.datadir import DataDir
from asr_prune.progress import track


@dataclass
class Inspected:
    """What audio files turned out to be; keys are those that were given."""

    #: kind, as AudioProblem has it -> key -> what was found
    problems: dict[str, dict[str, str]] = field(default_factory=dict)
    #: key -> length of the files that could be read
    seconds: dict[str, float] = field(default_factory=dict)


def inspect_audio(wavs: dict[str, str], rate: int | None = None, decode: bool = True) -> Inspected:
    """Opens the audio that `wavs` (utterance or recording -> path) names, each file once.

    rate: what the files must have, in hertz; None: what most of them have; 0: any. decode: read every sample, else
    only what the headers and the files' lengths tell.
    """
    found, rates = Inspected(), {}
    for key, place in track(wavs.items(), len(wavs), "audio"):
        try:
            rates[key], samples = measure_audio(place, decode)
        except AudioProblem as problem:
            found.problems.setdefault(problem.kind, {})[key] = problem.found
        else:
            found.seconds[key] = samples / rates[key]
    expected = Counter(rates.values()).most_common(1)[0][0] if rates and rate is None else rate
    if expected and (odd := {key: f"{own} Hz, not {expected}" for key, own in rates.items() if own != expected}):
        found.problems["wrong-rate"] = odd
    return found


def seconds_of(data: DataDir, lengths: Mapping[str, float] | None = None) -> dict[str, float]:
    """Seconds of the utterances whose audio can be read, by their segments or, for whole files, their headers.

    lengths: of the recordings, or of the utterances that are whole files, where they are known.
    """
    if not data.segments:
        return dict(lengths) if lengths is not None else inspect_audio(data.wavs, 0, decode=False).seconds
    if lengths is None:
        recordings = {own.recording: data.wavs[key] for key, own in data.segments.items()}
        lengths = inspect_audio(recordings, 0, decode=False).seconds
    found = {}
    for key, own in data.segments.items():
        with suppress(ValueError, KeyError):
            start, end = own.span(lengths[own.recording])
            found[key] = end - start
    return found
