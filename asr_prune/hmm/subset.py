"""The subset of utterances for a pass (Kaldi: subset_data_dir.sh)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from asr_prune.hmm.options import TrainingOptions


def subset(
    options: TrainingOptions,
    frames: Mapping[str, int],
    speakers: Mapping[str, str],
    seed: int,
) -> list[str]:
    """The utterances to train on, sorted.

    Takes the `shortest` of `options`, then a random sample of `utterances` of them, spread over the
    speakers. frames: of all utterances; speakers: by utterance.
    """
    ranked = sorted(frames, key=lambda utt: (frames[utt], utt))
    names = sorted(ranked[: options.shortest or None])
    if 0 < options.utterances < len(names):
        return spread_over_speakers(names, speakers, options.utterances, seed)
    return names


def spread_over_speakers(
    names: Sequence[str],
    speakers: Mapping[str, str],
    count: int,
    seed: int,
) -> list[str]:
    """A random sample of `count` names, sorted: one of every speaker before a second of any."""
    rng = np.random.default_rng(seed)
    turns: dict[str, int] = {}
    place = {}
    for i in rng.permutation(len(names)):
        speaker = speakers.get(names[i], names[i])
        place[names[i]] = turns[speaker] = turns.get(speaker, -1) + 1
    return sorted(sorted(place, key=lambda utt: place[utt])[:count])
