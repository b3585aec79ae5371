"""Utterances joined in one matrix, for statistics and alignment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from asr_prune.errors import UserError
from asr_prune.features.stored import frames_of
from asr_prune.hmm.gmm import Floats
from asr_prune.spread.pieces import PieceWorkers, runs

#: frames of the utterances that are one task, about: two batches
_TASK_FRAMES = 16384


@dataclass(frozen=True)
class JoinedUtterances:
    """ids: sorted; feats: float32 [all frames, dim]; bounds: int64 [utterances + 1].

    Utterance i has the rows bounds[i] to bounds[i+1]. workers: other processes for what is computed
    from them; None for this process alone.
    """

    ids: list[str]
    feats: Floats
    bounds: NDArray[np.int64]
    workers: PieceWorkers | None = None

    @classmethod
    def join(cls, feats: Mapping[str, Floats], utts: Iterable[str] | None = None) -> JoinedUtterances:
        """Joins features [frames, dim] by utterance, of all or of `utts`; reads each only once.

        Raises UserError if there are none or some are not finite.
        """
        ids = sorted(feats if utts is None else utts)
        if not ids:
            raise UserError(
                "no utterance has both features and a transcript; "
                "see the log of the features stage for what it left out."
            )
        frames = frames_of(feats)
        bounds = np.cumsum([0, *(frames[utt] for utt in ids)])
        joined = np.empty((bounds[-1], feats[ids[0]].shape[1]), np.float32)
        for utt, (start, end) in zip(ids, pairwise(bounds), strict=True):
            joined[start:end] = feats[utt]
            if not np.isfinite(joined[start:end]).all():
                message = f"the features of {utt} contain NaN or infinity"
                raise UserError(f"{message}; run the features stage again.")
        return cls(ids, joined, bounds)

    def through(self, transform: Callable[[Floats], Floats]) -> JoinedUtterances:
        """Copy with `transform` applied to the features [frames, dim] of each utterance."""
        parts = [transform(self.feats[start:end]) for start, end in pairwise(self.bounds)]
        feats = np.concatenate(parts).astype(np.float32, copy=False)
        return JoinedUtterances(self.ids, feats, self.bounds, self.workers)

    def part(self, utterances: range) -> JoinedUtterances:
        """Some consecutive utterances, for this process alone."""
        bounds = self.bounds[utterances.start : utterances.stop + 1]
        ids = self.ids[utterances.start : utterances.stop]
        return JoinedUtterances(ids, self.feats[bounds[0] : bounds[-1]], bounds - bounds[0])

    def rows(self) -> dict[str, slice]:
        """Rows of each utterance."""
        bounds = pairwise(self.bounds)
        return {utt: slice(*ends) for utt, ends in zip(self.ids, bounds, strict=True)}

    @property
    def frames(self) -> int:
        return len(self.feats)

    def batches(self, frames: int = 8192) -> Iterator[range]:
        """Ranges of utterances of about `frames` frames in total, at least one utterance each."""
        start = 0
        while start < len(self.ids):
            target = self.bounds[start] + frames
            end = int(np.searchsorted(self.bounds, target, side="right")) - 1
            end = min(max(end, start + 1), len(self.ids))
            yield range(start, end)
            start = end

    def stretches(self) -> list[range]:
        """Runs of whole `batches`, so that a stretch alone has the same batches."""
        batches = list(self.batches())
        sizes = [int(self.bounds[batch.stop] - self.bounds[batch.start]) for batch in batches]
        found = runs(sizes, _TASK_FRAMES)
        return [range(batches[run.start].start, batches[run.stop - 1].stop) for run in found]
