"""Kaldi's diagonal background model, `final.dubm`, and its pruned posteriors (diag-gmm.cc,
posterior.cc).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from asr_prune.features.online.files import open_kaldi
from asr_prune.features.online.settings import IvectorConf

#: the threshold that keeps the best Gaussian alone
_BEST = 0.99


@dataclass(frozen=True, eq=False)
class DiagUbm:
    """weights: float32 [gaussians]; means_invvars, invvars: float32 [gaussians, features]."""

    weights: np.ndarray
    means_invvars: np.ndarray
    invvars: np.ndarray

    @classmethod
    def read(cls, path: Path) -> DiagUbm:
        """Reads `final.dubm`, binary or text. Raises UserError if it is missing or damaged."""
        reader = open_kaldi(path)
        reader.expect("<DiagGMM>", "<DiagGMMBegin>")
        if reader.expect("<GCONSTS>", "<WEIGHTS>") == "<GCONSTS>":
            reader.vector()
            reader.expect("<WEIGHTS>")
        weights = reader.vector()
        reader.expect("<MEANS_INVVARS>")
        means = reader.matrix()
        reader.expect("<INV_VARS>")
        invvars = reader.matrix()
        reader.expect("</DiagGMM>", "<DiagGMMEnd>")
        if not len(weights) or means.shape != invvars.shape or len(means) != len(weights):
            raise reader.fail("the Gaussians differ in number or size")
        if not (np.isfinite(means).all() and (invvars > 0).all() and (weights > 0).all()):
            raise reader.fail("a Gaussian has no weight, mean or variance")
        return cls(weights, means, invvars)

    @property
    def features(self) -> int:
        """Columns of the features that it reads."""
        return self.means_invvars.shape[1]

    @cached_property
    def constants(self) -> np.ndarray:
        """What is added to the quadratic form, float32 [gaussians]."""
        spread = np.log(2 * np.pi) * self.features - np.log(self.invvars).sum(1)
        spread += (self.means_invvars**2 / self.invvars).sum(1)
        return (np.log(self.weights) - 0.5 * spread).astype(np.float32)

    def log_likelihoods(self, features: np.ndarray) -> np.ndarray:
        """Of each weighted Gaussian, float32 [frames, gaussians]; features: float32 [frames,
        features].
        """
        linear = self.constants + features @ self.means_invvars.T
        return linear - np.float32(0.5) * (features**2 @ self.invvars.T)


def pruned_posteriors(
    likelihoods: np.ndarray,
    conf: IvectorConf,
    weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The best Gaussians of each frame and their posteriors, as Kaldi's VectorToPosteriorEntry
    prunes them.

    At most `num_gselect` Gaussians, none below `min_post` over the frame's weight. likelihoods:
    float32 [frames, gaussians]; weights: float [frames]. Returns int [frames, n] and float64
    [frames, n], best first, which sum to 1 in each frame with a weight; what is pruned is 0.
    """
    top = min(conf.num_gselect, likelihoods.shape[1])
    best = np.argpartition(-likelihoods, top - 1, axis=1)[:, :top]
    order = np.argsort(-np.take_along_axis(likelihoods, best, 1), axis=1, kind="stable")
    best = np.take_along_axis(best, order, 1)
    gaps = np.take_along_axis(likelihoods, best, 1)
    gaps = gaps - gaps[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        least = np.minimum(conf.min_post / np.abs(weights), _BEST)
        least = np.where(weights == 0, _BEST, least)[:, None]
        posts = np.exp(gaps) * ((gaps > np.log(least)) | (least == 0))
    # the threshold applies again, to shares of what is left; the best Gaussian always stays
    kept = posts * ((posts >= least * posts.sum(1, keepdims=True)) | (np.arange(top) == 0))
    return best, (kept / kept.sum(1, keepdims=True)).astype(np.float64) * (weights != 0)[:, None]
