"""Online CMVN: each frame is normalised by what came before it (online-feature.cc, OnlineCmvn)."""

from __future__ import annotations

import numpy as np

from asr_prune.features.online.settings import CmvnConf

_VARIANCE_FLOOR = 1e-20  # as in Kaldi's transform/cmvn.cc


def online_cmvn(
    features: np.ndarray,
    conf: CmvnConf,
    everyone: np.ndarray,
    speaker: np.ndarray | None = None,
    reads: np.ndarray | None = None,
) -> np.ndarray:
    """Features float32 [frames, dim], normalised by the statistics of the last `cmn_window` frames.

    While there are fewer, up to `speaker_frames` frames of the speaker's earlier utterances and
    then up to `global_frames` of `everyone` make up for them. everyone, speaker: `cmvn_stats`,
    float64 [2, dim + 1]. reads: frames in the order in which they are read, int [n], by default
    each once: with Vosk's `cmn_min_energy`, a frame of a lower first value is normalised by the
    statistics of the read before, made up for once more. Returns float32 [n, dim].
    """
    reads = np.arange(len(features)) if reads is None else reads
    if not conf.norm_means:
        return features[reads]
    stats = _stats_of(features, conf, everyone, speaker, reads)
    count = stats[:, :1, -1]
    if conf.skip_dims:
        stats[:, 0, conf.skipped], stats[:, 1, conf.skipped] = 0.0, count
    mean = stats[:, 0, :-1] / count
    if not conf.norm_vars:
        return features[reads] + (-mean).astype(np.float32)
    scale = 1 / np.sqrt(np.maximum(stats[:, 1, :-1] / count - mean**2, _VARIANCE_FLOOR))
    return features[reads] * scale.astype(np.float32) + (-mean * scale).astype(np.float32)


def _stats_of(
    features: np.ndarray,
    conf: CmvnConf,
    everyone: np.ndarray,
    speaker: np.ndarray | None,
    reads: np.ndarray,
) -> np.ndarray:
    """Statistics that each of `reads` is normalised by, float64 [n, 2, dim + 1]."""
    loud = features[reads, 0] > conf.cmn_min_energy
    last = np.maximum.accumulate(np.where(loud, np.arange(len(reads)), -1))
    rounds = np.arange(len(reads)) - last + (last >= 0)
    stats = np.where((last >= 0)[:, None, None], _window(features, conf.cmn_window)[reads[last]], 0.0)
    for done in range(rounds.max(initial=0)):
        lacking = (rounds > done) & (stats[:, 0, -1] < conf.cmn_window)
        before = stats[lacking, 0, -1]
        stats[lacking] = _smoothed(stats[lacking], conf, everyone, speaker)
        if (stats[lacking, 0, -1] == before).all():
            break
    return stats


def _window(features: np.ndarray, size: int) -> np.ndarray:
    """Statistics of the last `size` frames up to each frame, float64 [frames, 2, dim + 1]."""
    wide = features.astype(np.float64)
    rows = np.zeros((len(wide), 2, wide.shape[1] + 1))
    rows[:, 0, :-1], rows[:, 1, :-1], rows[:, 0, -1] = wide, wide**2, 1.0
    total = np.cumsum(rows, axis=0)
    total[size:] -= total[:-size].copy()
    return total


def _smoothed(
    stats: np.ndarray,
    conf: CmvnConf,
    everyone: np.ndarray,
    speaker: np.ndarray | None,
) -> np.ndarray:
    """`stats` with what the window lacks added: first of the speaker, then of everyone."""
    for source, most in ((speaker, conf.speaker_frames), (everyone, conf.global_frames)):
        if source is None or source[0, -1] <= 0:
            continue
        lacking = conf.cmn_window - stats[:, 0, -1]
        wanted = np.clip(lacking, 0, min(most, source[0, -1]) if source is speaker else most)
        stats = stats + (wanted / source[0, -1])[:, None, None] * source
    return stats
