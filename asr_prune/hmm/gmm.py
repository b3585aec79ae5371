"""Diagonal-covariance Gaussian mixtures of all pdfs as arrays, and their likelihoods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class Gmms:
    """The mixtures of all pdfs; pdf p has the Gaussians offsets[p] to offsets[p+1].

    offsets int64 [pdfs+1]; weights float32 [gaussians]; means_invvars (means over variances) and
    invvars (inverse variances) float32 [gaussians, dim]: natural parameters, as Kaldi stores them.
    """

    offsets: NDArray[np.int64]
    weights: Floats
    means_invvars: Floats
    invvars: Floats

    @classmethod
    def flat(cls, num_pdfs: int, mean: Doubles, variance: Doubles) -> Gmms:
        """One Gaussian per pdf, the same for all (gmm-init-mono)."""
        invvar = np.tile((1 / variance).astype(np.float32), (num_pdfs, 1))
        ones = np.ones(num_pdfs, np.float32)
        return cls(np.arange(num_pdfs + 1), ones, (mean * invvar).astype(np.float32), invvar)

    @property
    def num_pdfs(self) -> int:
        return len(self.offsets) - 1

    @property
    def num_gauss(self) -> int:
        return len(self.weights)

    @property
    def dim(self) -> int:
        return self.invvars.shape[1]

    @property
    def owner(self) -> NDArray[np.int64]:
        """The pdf of each Gaussian, int64 [gaussians]."""
        return np.repeat(np.arange(self.num_pdfs), np.diff(self.offsets))

    @cached_property
    def gconsts(self) -> Floats:
        """Log of weight times density at the zero vector, of each Gaussian; float32 [gaussians]."""
        iv = self.invvars.astype(np.float64)
        square = (self.means_invvars.astype(np.float64) ** 2 / iv).sum(1)
        with np.errstate(divide="ignore"):
            logw = np.log(self.weights.astype(np.float64))
        log_det = np.log(iv).sum(1)
        return (logw - 0.5 * (self.dim * LOG_2PI - log_det + square)).astype(np.float32)

    @cached_property
    def linear(self) -> Floats:
        """Coefficients of (x, x*x) in the log-densities; float32 [gaussians, 2 dim]."""
        return np.hstack([self.means_invvars, -0.5 * self.invvars])

    def boosted(self, pdfs: list[int], factor: float) -> Gmms:
        """Copy with the weights of `pdfs` multiplied and not renormalised (gmm-boost-silence)."""
        weights = np.where(np.isin(self.owner, pdfs), self.weights * factor, self.weights)
        return replace(self, weights=weights.astype(np.float32))


class Scorer:
    """Log-likelihoods of frames under every pdf of a model; constants are computed once."""

    def __init__(self, gmms: Gmms) -> None:
        self.bounds = gmms.offsets.tolist()
        self.linear, self.gconsts = gmms.linear, gmms.gconsts[:, None]

    def __call__(self, feats: Floats) -> Floats:
        """[frames, dim] -> float32 [frames, pdfs], in C order."""
        out = np.empty((len(feats), len(self.bounds) - 1), np.float32)
        for rows in blocks(len(feats)):
            x = feats[rows]
            out[rows] = self._sums(self.linear @ np.hstack([x, x * x]).T + self.gconsts).T
        return out

    def _sums(self, scores: Floats) -> Floats:
        """Log-sum-exp over the Gaussians of each pdf; overwrites its input.

        [gaussians, frames] -> [pdfs, frames].
        """
        out = np.empty((len(self.bounds) - 1, scores.shape[1]), np.float32)
        for pdf, (start, end) in enumerate(pairwise(self.bounds)):
            components = scores[start:end]
            top = components.max(0)
            components -= top
            np.exp(components, out=components)
            np.log(components.sum(0), out=out[pdf])
            out[pdf] += top
        return out


def blocks(frames: int, size: int = 1024) -> Iterator[slice]:
    """Slices of at most `size` that cover `frames`, so that intermediate results fit the cache."""
    return (slice(start, start + size) for start in range(0, frames, size))
