"""Utterances end to end in one matrix, which is how statistics and alignment want them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Floats


@dataclass(frozen=True)
class Utterances:
    """ids, sorted; feats float32 [all frames, dim]; utterance i owns rows bounds[i] to bounds[i+1], int64."""

    ids: list[str]
    feats: Floats
    bounds: NDArray[np.int64]

    @classmethod
    def join(cls, feats: dict[str, Floats]) -> Utterances:
        """Joins features [frames, dim] by utterance. Raises UserError where there are none or some are not finite."""
        if not feats:
            raise UserError(
                "no utterance has both features and a transcript in the lexicon; look at the log of the features stage."
            )
        ids = sorted(feats)
        for utt in ids:
            if not np.isfinite(feats[utt]).all():
                raise UserError(f"the features of {utt} hold NaN or infinity; run the features stage again.")
        lengths = [len(feats[utt]) for utt in ids]
        return cls(ids, np.concatenate([feats[utt] for utt in ids]).astype(np.float32), np.cumsum([0, *lengths]))

    def through(self, transform: Callable[[Floats], Floats]) -> Utterances:
        """The same with each utterance's features, [frames, dim], put through `transform`."""
        parts = [transform(self.feats[start:end]) for start, end in pairwise(self.bounds)]
        return Utterances(self.ids, np.concatenate(parts).astype(np.float32, copy=False), self.bounds)

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
