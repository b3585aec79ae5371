"""The utterances that a pass is trained on (Kaldi: subset_data_dir.sh)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from asr_prune.hmm.options import TrainingOptions


def subset(own: TrainingOptions, frames: Mapping[str, int], speakers: Mapping[str, str], seed: int) -> list[str]:
    """The utterances that `own` asks for, sorted; frames: of all utterances; speakers: by utterance.

    First the `shortest`, then of them `utterances` from the speakers in turn, drawn by `seed`.
    """
    names = sorted(sorted(frames, key=lambda utt: (frames[utt], utt))[: own.shortest or None])
    return spread_over_speakers(names, speakers, own.utterances, seed) if 0 < own.utterances < len(names) else names


def spread_over_speakers(names: Sequence[str], speakers: Mapping[str, str], count: int, seed: int) -> list[str]:
    """`count` of the utterances `names`, sorted: one from every speaker before any gives a second, and so on."""
    draw = np.random.default_rng(seed)
    turns: dict[str, int] = {}
    place = {}
    for i in draw.permutation(len(names)):
        speaker = speakers.get(names[i], names[i])
        place[names[i]] = turns[speaker] = turns.get(speaker, -1) + 1
    return sorted(sorted(place, key=lambda utt: place[utt])[:count])
