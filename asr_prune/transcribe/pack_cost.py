"""What a packed model costs: bytes, and seconds of recognition per hour of speech."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.decode.network_scores import NetworkScores
from asr_prune.features.stored import frames_of
from asr_prune.hmm.network_features import Feats
from asr_prune.transcribe.packed import NETWORK
from asr_prune.transcribe.packed_recogniser import PackedRecogniser
from asr_prune.transcribe.recogniser import Requested

_SPEECH = 300.0  # seconds that are recognised for the measurement


@dataclass(frozen=True)
class PackCost:
    """file, network: bytes; forward, search: CPU seconds per hour of speech; card: of the model."""

    card: Mapping[str, Any]
    file: int
    network: int
    forward: float
    search: float


def measure_pack(path: Path, feats: Feats) -> PackCost:
    """feats: what the network reads, float32 [frames, dim] by utterance; the first five minutes are
    recognised, with one process.

    Raises UserError as `PackedRecogniser`.
    """
    recogniser = PackedRecogniser(path)
    some = _first(feats, recogniser.source.frame_shift)
    hours = sum(map(len, some.values())) * recogniser.source.frame_shift / 3600
    packed = recogniser.packed
    point = {"lm_weight": packed.card["lm_weight"], "penalty": packed.card["penalty"]}
    recognise = recogniser.recogniser(Requested(**point))
    for utt, matrix in NetworkScores(recogniser.model, dict([next(iter(some.items()))])):
        recognise(utt, matrix)  # the first call takes longer
    scores = NetworkScores(recogniser.model, some, time.process_time)
    search = sum(recognise(utt, matrix).seconds for utt, matrix in scores)
    sizes = path.stat().st_size, packed.sizes[NETWORK]
    return PackCost(packed.card, *sizes, scores.seconds / hours, search / hours)


def _first(feats: Feats, shift: float) -> dict[str, np.ndarray]:
    chosen, seconds = dict[str, np.ndarray](), 0.0
    for utt, frames in frames_of(feats).items():
        if seconds < _SPEECH:
            chosen[utt] = feats[utt]
            seconds += frames * shift
    return chosen


def format_costs(costs: Sequence[PackCost]) -> list[str]:
    """A line for each model."""
    head = f"{'run':<28} {'nodes':>6} {'params':>10} {'network bytes':>14} {'file bytes':>12}"
    head += f" {'network s/hour':>15} {'search s/hour':>14} {'WER test':>9}"
    return [head, *map(_row, costs)]


def _row(cost: PackCost) -> str:
    card, wer = cost.card, cost.card["wer_test"]
    sizes = f"{card['params']:>10,} {cost.network:>14,} {cost.file:>12,}"
    seconds = f"{cost.forward:>15.2f} {cost.search:>14.2f}"
    rate = "-" if wer is None else f"{wer:.2f}"
    return f"{card['run']:<28} {sum(card['nodes']):>6} {sizes} {seconds} {rate:>9}"
