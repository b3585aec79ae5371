"""What a smaller network may lose on dev, and whether a run has lost more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from asr_prune.integrity import checked
from asr_prune.run_dir import RunDir
from asr_prune.score.compare import compare
from asr_prune.score.pairing import read_scored
from asr_prune.score.table import Utterance
from asr_prune.sweep.points import RUN_STAGES

#: draws of the speakers for an interval
_DRAWS = 2000
#: of a loss in binary: 100 * 7 / 600 - 100 * 4 / 600 is more than 0.5
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Loss:
    """What a run has lost against the dense one: nats per frame or %, and in 95 % of the draws of
    the speakers of dev (None where there is no such interval).
    """

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        text = f"{self.value:+.3f}"
        return text if self.low is None else f"{text} [{self.low:+.2f}, {self.high:+.2f}]"


@dataclass(frozen=True)
class OnDev:
    """Of a run on dev: cross-entropy in nats per frame, and its words where these are bounded."""

    ce: float
    words: Sequence[Utterance]


@dataclass(frozen=True)
class Bound:
    """The most that may be lost. unit: `ce` (nats per frame) or `wer` (% absolute)."""

    unit: str
    most: float

    @property
    def stages(self) -> Sequence[str]:
        """Those that a run must have passed before it can be judged."""
        return ("train", "shrink") if self.unit == "ce" else RUN_STAGES

    def measured(self, run: RunDir) -> OnDev:
        """What losses are counted from, as the run's files have it now."""
        words = [] if self.unit == "ce" else read_scored(run.score("dev")).in_order
        return OnDev(final_ce(run), words)

    def loss(self, dense: OnDev, run: RunDir) -> Loss:
        """Of `run` against the dense run."""
        now = self.measured(run)
        if self.unit == "ce":
            return Loss(now.ce - dense.ce)
        found = compare(dense.words, now.words, samples=_DRAWS, seed=1)
        if found.resampled is None:
            return Loss(found.difference)
        return Loss(found.difference, found.resampled.low, found.resampled.high)

    def within(self, loss: Loss) -> bool:
        """Whether the loss is within the bound, as measured."""
        return loss.value <= self.most + _ROUNDING

    def surely(self, loss: Loss) -> bool:
        """Whether all of its interval is; without one, nothing is sure."""
        return self.within(loss) and loss.high is not None and loss.high <= self.most + _ROUNDING

    def __str__(self) -> str:
        return f"{self.unit} loss of at most {self.most:g}"


def final_ce(run: RunDir) -> float:
    """Cross-entropy on dev at the end of a training, nats per frame."""
    return float(json.loads(checked(run.train).read_text(encoding="utf-8"))["dev_ce_final"])
