"""Row-by-row maximisation for MLLT and fMLLR.

Gales 1998, "Maximum likelihood linear transformations for HMM-based speech recognition",
section 3. Kaldi: FmllrInnerUpdate in fmllr-diag-gmm.cc, MlltAccs::Update in mllt.cc.
"""

from __future__ import annotations

import numpy as np

from asr_prune.hmm.gmm import Doubles

_SWEEPS = 40


def maximise(count: Doubles, linear: Doubles, quadratic: Doubles, sweeps: int = _SWEEPS) -> Doubles:
    """The transforms [sets, dim, columns] that maximise, for each set of statistics,

        count log|det A| + sum_i (w_i . linear_i - w_i quadratic_i w_i / 2),

    where w_i is row i and A the first dim columns; A starts as the identity. count: [sets];
    linear: [sets, dim, columns]; quadratic: [sets, dim, columns, columns], positive definite; all
    float64. All sets are updated together. Raises numpy.linalg.LinAlgError if a quadratic is
    singular.
    """
    _, dim, columns = linear.shape
    inverse = np.linalg.inv(quadratic).astype(np.float64, copy=False)
    rows = np.broadcast_to(np.eye(dim, columns), linear.shape).copy()
    for _ in range(sweeps):
        inverted = np.linalg.inv(rows[:, :, :dim]).astype(np.float64, copy=False)
        for i in range(dim):
            new = _best_row(inverted[:, :, i], count, linear[:, i], inverse[:, i])
            _replace_row(inverted, i, new[:, :dim] - rows[:, i, :dim])
            rows[:, i] = new
    return rows


def _best_row(cofactors: Doubles, count: Doubles, linear: Doubles, inverse: Doubles) -> Doubles:
    """cofactors of the row, up to a factor: [sets, dim]; linear, result: [sets, columns]."""
    wide = np.zeros_like(linear)
    wide[:, : cofactors.shape[1]] = cofactors
    along = np.einsum("sab,sb->sa", inverse, wide)
    e1, e2 = np.einsum("sa,sa->s", wide, along), np.einsum("sa,sa->s", along, linear)
    root = np.sqrt(e2**2 + 4 * e1 * count)
    alphas = np.stack([(-e2 + root) / (2 * e1), (-e2 - root) / (2 * e1)])
    gains = count * np.log(np.abs(alphas * e1 + e2)) - alphas**2 * e1 / 2
    alpha = np.where(gains[0] > gains[1], alphas[0], alphas[1])
    return alpha[:, None] * along + np.einsum("sab,sb->sa", inverse, linear)


def _replace_row(inverted: Doubles, i: int, change: Doubles) -> None:
    """Updates the inverses in place for a `change` of row i (Sherman-Morrison)."""
    column = inverted[:, :, i].copy()
    row = np.einsum("sa,sab->sb", change, inverted)
    inverted -= column[:, :, None] * (row / (1 + row[:, i : i + 1]))[:, None, :]
