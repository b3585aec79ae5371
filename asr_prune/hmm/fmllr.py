"""fMLLR: one feature transform per speaker (Kaldi: gmm-est-fmllr, --fmllr-update-type=full)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from asr_prune.errors import counted, first_few
from asr_prune.hmm.gmm import Doubles, Floats, Gmms, Ints, Longs, blocks
from asr_prune.hmm.gmm_stats import gmm_posteriors
from asr_prune.hmm.row_update import maximise
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.spread.pieces import runs

log = logging.getLogger(__name__)

#: by speaker: [A b], float32 [dim, dim + 1]; features become A x + b
Transforms = dict[str, Floats]
#: speakers with too few frames, transforms, speakers with singular statistics
Solved = tuple[list[str], Transforms, list[str]]

#: frames of the speakers that are one task, about
_TASK_FRAMES = 16384


@dataclass
class Fmllr:
    """Statistics by speaker, float64: count [], linear [dim, dim+1], quadratic [dim, dim+1, dim+1].

    gmms: model that the transformed features should fit; min_frames: speakers with fewer frames get
    the identity transform.
    """

    gmms: Gmms
    min_frames: float = 500.0
    count: dict[str, float] = field(default_factory=dict)
    linear: dict[str, Doubles] = field(default_factory=dict)
    quadratic: dict[str, Doubles] = field(default_factory=dict)

    def add(
        self,
        speaker: str,
        feats: Floats,
        pdfs: Ints,
        under: Gmms | None = None,
        weights: Floats | None = None,
    ) -> None:
        """Adds all frames of `speaker`: feats [frames, dim]; pdfs [frames], -1 for frames to skip.

        under: take the posteriors of Gaussians from these mixtures, which have the same Gaussians
        (gmm-post-to-gpost); weights: of the frames, float32 [frames], 1 if None.
        """
        slope, offset = np.zeros_like(feats), np.zeros_like(feats)
        for block in gmm_posteriors(under or self.gmms, feats, pdfs):
            posterior = block.posterior if weights is None else block.posterior * weights[block.rows, None]
            slope[block.rows] = posterior @ self.gmms.invvars[block.gaussians]
            offset[block.rows] = posterior @ self.gmms.means_invvars[block.gaussians]
        extended = np.hstack([feats, np.ones((len(feats), 1), np.float32)])
        used = pdfs >= 0
        self.count[speaker] = float(np.count_nonzero(used) if weights is None else weights[used].sum())
        self.linear[speaker] = (offset.T @ extended).astype(np.float64)
        self.quadratic[speaker] = _weighted_products(slope, extended)

    def estimate(self) -> Transforms:
        """A transform for every speaker.

        Speakers with too few frames or with singular statistics get the identity; their number is
        logged.
        """
        return self.complete(*self.solve())

    def solve(self) -> Solved:
        """What `complete` takes; the speakers do not depend on each other."""
        few = sorted(s for s, n in self.count.items() if n < self.min_frames)
        rest = [s for s in sorted(self.count) if self.count[s] >= self.min_frames]
        return few, *self._solve(rest)

    def complete(self, few: list[str], transforms: Transforms, singular: list[str]) -> Transforms:
        """`transforms`, and the identity for speakers with too `few` frames or that are `singular`."""
        unit = np.eye(self.gmms.dim, self.gmms.dim + 1, dtype=np.float32)
        if few:
            message = "not adapted to %s with fewer than %g frames of speech: %s"
            log.warning(message, counted(few, "speaker"), self.min_frames, first_few(few))
        if singular:
            message = "not adapted to %s with singular statistics: %s"
            log.warning(message, counted(singular, "speaker"), first_few(singular))
        return dict.fromkeys([*few, *singular], unit) | transforms

    def _solve(self, speakers: Sequence[str]) -> tuple[Transforms, list[str]]:
        """Transforms, and the speakers whose statistics are singular."""
        good = [s for s in speakers if _well_conditioned(self.quadratic[s])]
        if not good:
            return {}, list(speakers)
        count = np.array([self.count[s] for s in good])
        both = self.linear, self.quadratic
        linear, quadratic = (np.stack([stats[s] for s in good]) for stats in both)
        transforms = maximise(count, linear, quadratic).astype(np.float32)
        return dict(zip(good, transforms, strict=True)), sorted(set(speakers) - set(good))


def _well_conditioned(quadratic: Doubles) -> bool:
    condition = np.linalg.cond(quadratic)
    return bool(np.isfinite(condition).all() and (condition < 1e12).all())


def _weighted_products(weights: Floats, values: Floats) -> Doubles:
    """Weighted sums over frames of the outer products of `values`, by column of `weights`.

    Returns float64 [columns, size, size].
    """
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
    """Transforms equal to `first` and then `later` (compose-transforms --b-is-affine=true)."""
    composed = {}
    for speaker, transform in later.items():
        last_row = np.eye(1, transform.shape[1], transform.shape[1] - 1)
        extended = np.vstack([first[speaker], last_row])
        composed[speaker] = (transform.astype(np.float64) @ extended).astype(np.float32)
    return composed


def transformed(feats: Floats, transform: Floats) -> Floats:
    """A x + b for feats float32 [frames, dim]."""
    return feats @ transform[:, :-1].T + transform[:, -1]


def adapted(
    data: JoinedUtterances,
    speakers: Sequence[str],
    transforms: Mapping[str, Floats],
) -> JoinedUtterances:
    """`data` with each utterance under the transform of its speaker."""
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
    """Transforms of all speakers of `data`.

    pdfs: alignment [all frames], -1 for frames to skip; speakers: of each utterance; under: see
    `Fmllr.add`.
    """
    owner, rows = np.array(speakers), {}
    for speaker in sorted(set(speakers)):
        utts = np.flatnonzero(owner == speaker)
        rows[speaker] = np.stack([data.bounds[utts], data.bounds[utts + 1]], axis=1)
    empty = Fmllr(gmms, min_frames)
    if data.workers is None:
        return empty.complete(*solve_speakers(empty, under, data.feats, pdfs, rows))
    named = list(rows)
    sizes = [int(np.diff(rows[speaker]).sum()) for speaker in named]
    found = runs(sizes, _TASK_FRAMES)
    pieces = [{"rows": {named[i]: rows[named[i]] for i in run}} for run in found]
    arrays, job = {"feats": data.feats, "pdfs": pdfs}, "asr_prune.hmm.fmllr:solve_speakers"
    solved = list(data.workers.map(job, pieces, {"empty": empty, "under": under}, arrays))
    few, transforms, singular = zip(*solved, strict=True)
    together = {speaker: own for part in transforms for speaker, own in part.items()}
    return empty.complete([*chain(*few)], together, [*chain(*singular)])


def solve_speakers(
    empty: Fmllr,
    under: Gmms | None,
    feats: Floats,
    pdfs: Ints,
    rows: Mapping[str, Longs],
) -> Solved:
    """A piece: some speakers. rows: begins and ends of utterances, [utterances, 2], by speaker."""
    fmllr = Fmllr(empty.gmms, empty.min_frames)
    for speaker, spans in rows.items():
        own = np.concatenate([np.arange(*span) for span in spans])
        fmllr.add(speaker, feats[own], pdfs[own], under)
    return fmllr.solve()
