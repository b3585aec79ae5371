"""I-vectors of an utterance, frame by frame (online-ivector-feature.cc, class
OnlineIvectorFeature).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asr_prune.features.cmvn import cmvn_stats
from asr_prune.features.online.cmvn import online_cmvn
from asr_prune.features.online.estimate import IvectorStats
from asr_prune.features.online.extractor import Extractor
from asr_prune.features.online.settings import CmvnConf, IvectorConf, SpliceConf
from asr_prune.features.online.ubm import DiagUbm, pruned_posteriors


@dataclass(frozen=True, eq=False)
class SpeakerState:
    """What is known of a speaker from earlier utterances (OnlineIvectorExtractorAdaptationState).

    cmvn: CMVN statistics, float64 [2, dim + 1], or None; stats: of the i-vector.
    """

    cmvn: np.ndarray | None
    stats: IvectorStats

    def limited(self, frames: float, posterior_scale: float) -> SpeakerState:
        """With at most `frames` frames; posterior_scale: what a frame counts in `stats`."""
        cmvn, stats, most = self.cmvn, self.stats, frames * posterior_scale
        if cmvn is not None and cmvn[0, -1] > frames:
            cmvn = cmvn * (frames / cmvn[0, -1])
        if stats.frames > most:
            stats = stats.scaled(most / stats.frames)
        return SpeakerState(cmvn, stats)


@dataclass(frozen=True, eq=False)
class IvectorModel:
    """All that i-vectors are estimated with.

    transform: of spliced features, float32 [features, columns], with a last column that is added or
    without; everyone: CMVN statistics of the training data, float64 [2, base dim + 1].
    """

    conf: IvectorConf
    cmvn: CmvnConf
    splice: SpliceConf
    everyone: np.ndarray
    transform: np.ndarray
    ubm: DiagUbm
    extractor: Extractor

    @property
    def dim(self) -> int:
        """Values of an i-vector."""
        return self.extractor.dim

    def begin(self) -> SpeakerState:
        """A speaker of whom nothing is known."""
        return SpeakerState(None, IvectorStats.prior(self.extractor, self.conf.max_count))

    def ivectors(
        self,
        features: np.ndarray,
        ends: np.ndarray,
        state: SpeakerState | None = None,
        weights: np.ndarray | None = None,
    ) -> tuple[np.ndarray, SpeakerState]:
        """The i-vector at each of the frames `ends`, estimated from the frames up to it; what is
        known afterwards, to which frames after the last of `ends` give no more than CMVN
        statistics.

        Each estimate starts from the one before. features: base features without CMVN, float32
        [frames, dim]; ends: int [n], rising; weights: of the frames, float [frames], by default 1;
        0 leaves a frame out. Returns float32 [n, ivector dim], minus the prior mean.
        """
        state = state or self.begin()
        weights = np.ones(len(features)) if weights is None else weights
        now, stats = np.append(self.extractor.offset, np.zeros(self.dim - 1)), state.stats
        found = np.zeros((len(ends), self.dim))
        for row, piece in enumerate(zip(*self._sums(features, ends, state, weights), strict=True)):
            stats = stats.plus(*piece)
            found[row] = now = stats.ivector(now, self.conf.num_cg_iters)
        found[:, 0] -= self.extractor.offset
        return found.astype(np.float32), self._after(features, state, stats)

    def _sums(
        self, features: np.ndarray, ends: np.ndarray, state: SpeakerState, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Linear and quadratic terms and counts of each stretch that ends at one of `ends`."""
        reads = self._reads(len(features))
        read = online_cmvn(features, self.cmvn, self.everyone, state.cmvn, reads.ravel())
        normalised = self._transformed(read.reshape(len(features), -1))
        best, posts = pruned_posteriors(self.ubm.log_likelihoods(normalised), self.conf, weights)
        posts = posts * (self.conf.posterior_scale * weights)[:, None]
        posts[ends[-1] + 1 :] = 0
        given = normalised
        if not self.conf.online_cmvn_iextractor:
            given = self._transformed(features[reads].reshape(len(features), -1))
        stretch = np.minimum(np.searchsorted(ends, np.arange(len(features))), len(ends) - 1)
        counts = np.zeros((len(ends), self.extractor.gaussians))
        np.add.at(counts, (np.broadcast_to(stretch[:, None], best.shape), best), posts)
        linear = np.zeros((len(ends), self.dim))
        frames, places = np.nonzero(posts)
        for gaussian in np.unique(best[frames, places]):
            at = best[frames, places] == gaussian
            terms = posts[frames[at], places[at], None] * given[frames[at]]
            np.add.at(linear, stretch[frames[at]], terms @ self.extractor.weighted[gaussian])
        return linear, counts @ self.extractor.quadratic, counts.sum(1)

    def _reads(self, frames: int) -> np.ndarray:
        """The frames that are spliced to each frame, the first and last one repeated, in the order
        in which they are read: int [frames, spliced].
        """
        around = np.arange(-self.splice.left_context, self.splice.right_context + 1)
        return np.clip(np.arange(frames)[:, None] + around, 0, frames - 1)

    def _transformed(self, spliced: np.ndarray) -> np.ndarray:
        """float32 [frames, spliced dim] -> float32 [frames, features]"""
        width = spliced.shape[1]
        linear, constant = self.transform[:, :width], self.transform[:, width:]
        return spliced @ linear.T + (constant[:, 0] if constant.size else np.float32(0))

    def _after(self, features: np.ndarray, state: SpeakerState, stats: IvectorStats) -> SpeakerState:
        cmvn = np.zeros((2, features.shape[1] + 1)) if state.cmvn is None else state.cmvn
        known = SpeakerState(cmvn + cmvn_stats([features]), stats)
        return known.limited(self.conf.max_remembered_frames, self.conf.posterior_scale)
