"""Features as models need them: read from archives, normalised, with deltas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr_prune.corpus.datadir import group_by_speaker
from asr_prune.errors import UserError
from asr_prune.features.archive import places_of, read_matrices
from asr_prune.features.cmvn import apply_cmvn, cmvn_stats
from asr_prune.features.deltas import add_deltas
from asr_prune.features.options import FeatureOptions
from asr_prune.features.stored import Computed, Stored


def load(out: Path, options: FeatureOptions, utt2spk: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Features of the utterances of `utt2spk`, as Kaldi's `apply-cmvn | add-deltas` computes them.

    out: the folder that `extract` wrote; utterances that it skipped are absent. Returns {utterance:
    float32 [frames, options.dim]} in C order. Raises UserError if the archives are missing or
    damaged, their dimension is not that of `options`, or a speaker has no statistics.
    """
    return dict(stored(out, options, utt2spk))


def stored(out: Path, options: FeatureOptions, utt2spk: Mapping[str, str]) -> Stored:
    """As `load`, but each utterance is read on access; errors are raised then."""
    stats = dict(read_matrices(out / "cmvn.scp")) if options.cmvn == "speaker" else {}
    places = places_of(out / "feats.scp")
    places = {utterance: place for utterance, place in places.items() if utterance in utt2spk}
    return Stored(places, _Processing(out, options, utt2spk, stats))


@dataclass(frozen=True)
class _Processing:
    """What is done to a stored matrix; other processes can take it over."""

    out: Path
    options: FeatureOptions
    utt2spk: Mapping[str, str]
    stats: dict[str, np.ndarray]

    def __call__(self, utterance: str, raw: np.ndarray) -> np.ndarray:
        options = self.options
        if raw.shape[1] != options.base_dim and not options.archives:
            what = f"{raw.shape[1]} columns, but the recipe needs {options.base_dim}"
            raise UserError(f"{self.out}/feats.scp has {what}; run the features stage again.")
        speaker = self.utt2spk[utterance]
        if options.cmvn == "speaker" and speaker not in self.stats:
            what = f"no statistics of speaker {speaker}"
            raise UserError(f"{self.out}/cmvn.scp has {what}; run the features stage again.")
        return add_deltas(_normalised(raw, options, self.stats.get(speaker)), options.deltas)


def prepared(raw: Mapping[str, np.ndarray], options: FeatureOptions, utt2spk: Mapping[str, str]) -> Computed:
    """As `stored`, but from raw features float32 [frames, options.base_dim] in memory.

    CMVN statistics are those of the utterances in `raw`.
    """
    stats = {
        speaker: cmvn_stats(raw[utterance] for utterance in utterances)
        for speaker, utterances in group_by_speaker(utt2spk).items()
        if options.cmvn == "speaker"
    }

    def process(utterance: str, matrix: np.ndarray) -> np.ndarray:
        normalised = _normalised(matrix, options, stats.get(utt2spk[utterance]))
        return add_deltas(normalised, options.deltas)

    return Computed(raw, process)


def _normalised(raw: np.ndarray, options: FeatureOptions, stats: np.ndarray | None) -> np.ndarray:
    if not options.normalised:
        return raw
    return apply_cmvn(raw, cmvn_stats([raw]) if stats is None else stats, options.cmvn_variance)
