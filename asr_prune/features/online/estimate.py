"""Statistics that an i-vector is estimated from, and the estimate (OnlineIvectorEstimationStats)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from asr_prune.features.online.extractor import Extractor

#: the residual is computed anew when its norm has changed by this factor
_REFRESH = 0.01
_LEAST = np.finfo(np.float64).tiny


@dataclass(frozen=True, eq=False)
class IvectorStats:
    """The i-vector maximises `linear . x - x . quadratic x / 2`, the prior included.

    linear: float64 [dim]; quadratic: float64 [dim, dim]; frames: scaled posteriors so far; offset:
    the prior mean of the first value; max_count: `frames` from which on the prior grows with them;
    0: it never does.
    """

    linear: np.ndarray
    quadratic: np.ndarray
    frames: float
    offset: float
    max_count: float

    @classmethod
    def prior(cls, extractor: Extractor, max_count: float) -> IvectorStats:
        """What is known before the first frame."""
        linear = np.zeros(extractor.dim)
        linear[0] = extractor.offset
        return cls(linear, np.eye(extractor.dim), 0.0, extractor.offset, max_count)

    def plus(self, linear: np.ndarray, quadratic: np.ndarray, frames: float) -> IvectorStats:
        """With further frames; quadratic: the lower triangle, float64 [dim (dim + 1) / 2]."""
        total = self.frames + frames
        linear, quadratic = self.linear + linear, self.quadratic + _full(quadratic)
        grown = replace(self, linear=linear, quadratic=quadratic, frames=total)
        return grown._prior_by(self._prior_scale(total) - self._prior_scale(self.frames))

    def scaled(self, scale: float) -> IvectorStats:
        """With fewer frames; scale: at least 0 and at most 1. The prior keeps the weight that it
        must have.
        """
        linear, quadratic = scale * self.linear, scale * self.quadratic
        less = replace(self, linear=linear, quadratic=quadratic, frames=scale * self.frames)
        missing = self._prior_scale(less.frames) - scale * self._prior_scale(self.frames)
        return less._prior_by(missing)

    def _prior_scale(self, frames: float) -> float:
        return max(frames, self.max_count) / self.max_count if self.max_count else 1.0

    def _prior_by(self, change: float) -> IvectorStats:
        """With the prior `change` times more."""
        if not change:
            return self
        linear = self.linear.copy()
        linear[0] += self.offset * change
        return replace(self, linear=linear, quadratic=self.quadratic + change * np.eye(len(linear)))

    def ivector(self, start: np.ndarray, steps: int) -> np.ndarray:
        """The estimate after `steps` of conjugate gradients from `start`, float64 [dim]; the prior
        without frames.
        """
        if self.frames <= 0:
            return np.append(self.offset, np.zeros(len(self.linear) - 1))
        start = start.copy()
        if start[0] == 0:
            start[0] = self.offset
        return conjugate_gradients(self.quadratic, self.linear, start, steps)


def _full(triangle: np.ndarray) -> np.ndarray:
    size = int(np.sqrt(2 * len(triangle)))
    full = np.zeros((size, size))
    full[np.tril_indices(size)] = triangle
    return full + np.tril(full, -1).T


def conjugate_gradients(
    matrix: np.ndarray,
    target: np.ndarray,
    start: np.ndarray,
    steps: int,
) -> np.ndarray:
    """The x of `matrix` x = `target` after `steps` from `start`, as Kaldi's LinearCgd (Nocedal and
    Wright, 5.2).

    matrix: positive definite, float64 [n, n]. If the residual has grown, the exact solution.
    """
    x, direction = start.copy(), target - matrix @ start
    residual = -direction
    norm = first = fresh = residual @ residual
    for _ in range(min(steps, len(x) + 5) if steps >= 0 else len(x) + 5):
        product = matrix @ direction
        curvature = direction @ product  # 0 where the squares of a tiny direction are
        rate = -(direction @ residual) / curvature if norm > _LEAST and curvature > 0 else 0.0
        x = x + rate * direction
        residual = residual + rate * product
        after = residual @ residual
        if not _REFRESH**2 * fresh <= after <= fresh / _REFRESH**2:
            residual = matrix @ x - target
            after = fresh = residual @ residual
        if after <= _LEAST:
            break
        direction = after / norm * direction - residual
        norm = after
    if norm > first + 1e-10 * (target @ target):
        return np.linalg.solve(matrix, target)
    return x
