"""Kaldi objects in the files of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.features.online.conf import unreadable
from asr_prune.integrity import checked
from asr_prune.kaldi_format import KaldiReader


def open_kaldi(path: Path) -> KaldiReader:
    """A reader of the file `path` of a model. Raises UserError if it is missing."""
    try:
        return KaldiReader(checked(path).read_bytes(), path)
    except OSError as error:
        raise unreadable(path, error) from None


def read_transform(path: Path) -> np.ndarray:
    """A matrix, float32 [rows, columns]. Raises UserError if the file is missing or damaged."""
    matrix = open_kaldi(path).matrix()
    if not matrix.size or not np.isfinite(matrix).all():
        raise UserError(f"{path} has no matrix of finite numbers; copy it again.")
    return matrix


def read_cmvn_stats(path: Path) -> np.ndarray:
    """CMVN statistics, float64 [2, dim + 1]. Raises UserError if the file is missing or damaged."""
    stats = open_kaldi(path).matrix(np.float64)
    if stats.ndim != 2 or len(stats) != 2 or not np.isfinite(stats).all() or stats[0, -1] < 1:
        raise UserError(f"{path} has no CMVN statistics of 2 rows and a count; copy it again.")
    return stats
