"""Utterances end to end in one matrix, which is how statistics and alignment want them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from asr_prune.errors import UserError
from asr_prune.features.stored import frames_of
from asr_prune.hmm.gmm import Floats


@dataclass(frozen=True)
class JoinedUtterances:
    """ids, sorted; feats float32 [all frames, dim]; utterance i owns rows bounds[i] to bounds[i+1], int64."""

    ids: list[str]
    feats: Floats
    bounds: NDArray[np.int64]

    @classmethod
    def join(cls, feats: Mapping[str, Floats], utts: Iterable[str] | None = None) -> JoinedUtterances:
        """Joins features [frames, dim] by utterance, of all or of `utts`, holding none of them twice.

        Raises UserError where there are none or some are not finite.
        """
        ids = sorted(feats if utts is None else utts)
        if not ids:
            raise UserError(
                "no utterance has both features and a transcript in the lexicon; look at the log of the features stage."
            )
        frames = frames_of(feats)
        bounds = np.cumsum([0, *(frames[utt] for utt in ids)])
        joined = np.empty((bounds[-1], feats[ids[0]].shape[1]), np.float32)
        for utt, (start, end) in zip(ids, pairwise(bounds), strict=True):
            joined[start:end] = feats[utt]
            if not np.isfinite(joined[start:end]).all():
                raise UserError(f"the features of {utt} hold NaN or infinity; run the features stage again.")
        return cls(ids, joined, bounds)

    def through(self, transform: Callable[[Floats], Floats]) -> JoinedUtterances:
        """The same with each utterance's features, [frames, dim], put through `transform`."""
        parts = [transform(self.feats[start:end]) for start, end in pairwise(self.bounds)]
        return JoinedUtterances(self.ids, np.concatenate(parts).astype(np.float32, copy=False), self.bounds)

    def rows(self) -> dict[str, slice]:
        """Which rows each utterance owns."""
        return {utt: slice(*own) for utt, own in zip(self.ids, pairwise(self.bounds), strict=True)}

    @property
    def frames(self) -> int:
        return len(self.feats)

    def batches(self, frames: int = 8192) -> Iterator[range]:
        """Runs of consecutive utterances of about `frames` frames together, at least one utterance each."""
        start = 0
        while start < len(self.ids):
            end = int(np.searchsorted(self.bounds, self.bounds[start] + frames, side="right")) - 1
            end = min(max(end, start + 1), len(self.ids))
            yield range(start, end)
            start = end
