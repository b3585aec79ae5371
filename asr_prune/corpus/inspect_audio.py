"""Every audio file of a data directory opened and decoded, problems sorted by kind."""

from __future__ import annotations

from collections import Counter

from asr_prune.corpus.audio import AudioProblem, read_audio
from asr_prune.progress import track


def inspect_audio(wavs: dict[str, str], rate: int | None = None) -> dict[str, dict[str, str]]:
    """{kind of problem: {utterance: what was found}} of the audio that `wavs` (utterance -> path) names.

    rate: what the files must have, in hertz; None: what most of them have. The kinds are those of AudioProblem.
    """
    problems: dict[str, dict[str, str]] = {}
    rates: dict[str, int] = {}
    for utterance, place in track(wavs.items(), len(wavs), "audio"):
        try:
            rates[utterance] = read_audio(place)[1]
        except AudioProblem as problem:
            problems.setdefault(problem.kind, {})[utterance] = problem.found
    expected = rate or (Counter(rates.values()).most_common(1)[0][0] if rates else 0)
    if odd := {key: f"{found} Hz, not {expected}" for key, found in rates.items() if found != expected}:
        problems["wrong-rate"] = odd
    return problems
