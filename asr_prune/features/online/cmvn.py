"""Online CMVN: each frame is normalised by what came before it (online-feature.cc, class
OnlineCmvn).
"""

from __future__ import annotations

import numpy as np

from asr_prune.features.online.settings import CmvnConf

_VARIANCE_FLOOR = 1e-20  # as in Kaldi's transform/cmvn.cc


def online_cmvn(
    features: np.ndarray, conf: CmvnConf, everyone: np.ndarray, speaker: np.ndarray | None = None
) -> np.ndarray:
    """Features float32 [frames, dim], normalised by the statistics of the last `cmn_window` frames.

    While there are fewer, up to `speaker_frames` frames of the speaker's earlier utterances and
    then up to `global_frames` of `everyone` make up for them. everyone, speaker: `cmvn_stats`,
    float64 [2, dim + 1]. Returns float32 [frames, dim].
    """
    if not conf.norm_means:
        return features
    stats = _smoothed(_window(features, conf.cmn_window), conf, everyone, speaker)
    count = stats[:, :1, -1]
    if conf.skip_dims:
        stats[:, 0, conf.skipped], stats[:, 1, conf.skipped] = 0.0, count
    mean = stats[:, 0, :-1] / count
    if not conf.norm_vars:
        return features + (-mean).astype(np.float32)
    scale = 1 / np.sqrt(np.maximum(stats[:, 1, :-1] / count - mean**2, _VARIANCE_FLOOR))
    return features * scale.astype(np.float32) + (-mean * scale).astype(np.float32)


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
    """`stats` with what the window lacks added, in place: first of the speaker, then of everyone."""
    for source, most in ((speaker, conf.speaker_frames), (everyone, conf.global_frames)):
        if source is None or source[0, -1] <= 0:
            continue
        lacking = conf.cmn_window - stats[:, 0, -1]
        wanted = np.clip(lacking, 0, min(most, source[0, -1]) if source is speaker else most)
        stats += (wanted / source[0, -1])[:, None, None] * source
    return stats
