"""A linear transform of the features per speaker, fMLLR (Kaldi: gmm-est-fmllr; fmllr-diag-gmm.cc, full update)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from asr_prune.hmm.gmm import Doubles, Floats, Gmms, Ints, blocks
from asr_prune.hmm.gmm_stats import gmm_posteriors
from asr_prune.hmm.row_update import maximise
from asr_prune.hmm.utterances import JoinedUtterances

log = logging.getLogger(__name__)

#: by speaker: [A b], float32 [dim, dim + 1]; features become A x + b
Transforms = dict[str, Floats]


@dataclass
class Fmllr:
    """Statistics of speakers' frames, float64: count [], linear [dim, dim+1], quadratic [dim, dim+1, dim+1] each.

    gmms: what the transformed features are to fit; min_frames: below it a speaker gets no transform.
    """

    gmms: Gmms
    min_frames: float = 500.0
    count: dict[str, float] = field(default_factory=dict)
    linear: dict[str, Doubles] = field(default_factory=dict)
    quadratic: dict[str, Doubles] = field(default_factory=dict)

    def add(self, speaker: str, feats: Floats, pdfs: Ints, under: Gmms | None = None) -> None:
        """Adds all frames of `speaker`: feats [frames, dim], pdfs [frames], -1 for frames to leave out.

        under: mixtures with the same Gaussians, whose posteriors are to be taken instead (gmm-post-to-gpost).
        """
        slope, offset = np.zeros_like(feats), np.zeros_like(feats)
        for block in gmm_posteriors(under or self.gmms, feats, pdfs):
            slope[block.rows] = block.posterior @ self.gmms.invvars[block.own]
            offset[block.rows] = block.posterior @ self.gmms.means_invvars[block.own]
        extended = np.hstack([feats, np.ones((len(feats), 1), np.float32)])
        self.count[speaker] = float(np.count_nonzero(pdfs >= 0))
        self.linear[speaker] = (offset.T @ extended).astype(np.float64)
        self.quadratic[speaker] = _weighed_products(slope, extended)

    def estimate(self) -> Transforms:
        """A transform for every speaker; the unit one where there are too few frames, or the statistics are singular,
        which is counted and said.
        """
        unit = np.eye(self.gmms.dim, self.gmms.dim + 1, dtype=np.float32)
        few = sorted(s for s, n in self.count.items() if n < self.min_frames)
        rest = [s for s in sorted(self.count) if self.count[s] >= self.min_frames]
        made, singular = self._solve(rest)
        if few:
            told = "%d speakers have fewer than %g frames of speech and are not adapted: %s"
            log.warning(told, len(few), self.min_frames, " ".join(few[:5]))
        if singular:
            told = "%d speakers have singular statistics and are not adapted: %s"
            log.warning(told, len(singular), " ".join(singular[:5]))
        return dict.fromkeys([*few, *singular], unit) | made

    def _solve(self, speakers: Sequence[str]) -> tuple[Transforms, list[str]]:
        good = [s for s in speakers if np.isfinite(c := np.linalg.cond(self.quadratic[s])).all() and (c < 1e12).all()]
        if not good:
            return {}, list(speakers)
        count = np.array([self.count[s] for s in good])
        linear, quadratic = (np.stack([stats[s] for s in good]) for stats in (self.linear, self.quadratic))
        done = maximise(count, linear, quadratic).astype(np.float32)
        return dict(zip(good, done, strict=True)), sorted(set(speakers) - set(good))


def _weighed_products(weights: Floats, values: Floats) -> Doubles:
    """Sums over frames of values values' by each column of `weights`: float64 [columns, size, size]."""
    size = values.shape[1]
    rows, columns = np.triu_indices(size)
    upper = np.zeros((weights.shape[1], len(rows)))
    for block in blocks(len(values), 4096):
        upper += weights[block].T @ (values[block][:, rows] * values[block][:, columns])
    full = np.zeros((len(upper), size, size))
    full[:, rows, columns] = upper
    full[:, columns, rows] = upper
    return full


def compose(later: Mapping[str, Floats], first: Mapping[str, Floats]) -> Transforms:
    """Transforms that do what `first` and then `later` do (compose-transforms --b-is-affine=true)."""
    done = {}
    for speaker, transform in later.items():
        extended = np.vstack([first[speaker], np.eye(1, transform.shape[1], transform.shape[1] - 1)])
        done[speaker] = (transform.astype(np.float64) @ extended).astype(np.float32)
    return done


def transformed(feats: Floats, transform: Floats) -> Floats:
    """A x + b for feats float32 [frames, dim]."""
    return feats @ transform[:, :-1].T + transform[:, -1]


def adapted(data: JoinedUtterances, speakers: Sequence[str], transforms: Mapping[str, Floats]) -> JoinedUtterances:
    """`data`, each utterance under its speaker's transform."""
    each = iter(speakers)
    return data.through(lambda feats: transformed(feats, transforms[next(each)]))


def estimate_fmllr(
    gmms: Gmms,
    data: JoinedUtterances,
    pdfs: Ints,
    speakers: Sequence[str],
    min_frames: float,
    under: Gmms | None = None,
) -> Transforms:
    """Transforms for all speakers of `data` under the alignment `pdfs` [all frames], -1 for frames to leave out; under:
    as `Fmllr.add` says.
    """
    fmllr = Fmllr(gmms, min_frames)
    owner = np.array(speakers)
    for speaker in sorted(set(speakers)):
        rows = np.concatenate([np.arange(*data.bounds[i : i + 2]) for i in np.flatnonzero(owner == speaker)])
        fmllr.add(speaker, data.feats[rows], pdfs[rows], under)
    return fmllr.estimate()
