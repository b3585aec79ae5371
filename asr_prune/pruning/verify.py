"""Does the physically smaller network compute what the masked one computes?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asr_prune.acoustic.checkpoint import Model
from asr_prune.acoustic.examples import splice_utterance

RANDOM_FRAMES = 4096


@dataclass(frozen=True)
class Agreement:
    """Largest logit difference between two networks over some inputs, beside what is allowed."""

    inputs: str
    dtype: str
    frames: int
    difference: float
    allowed: float

    @property
    def holds(self) -> bool:
        return self.difference <= self.allowed

    def __str__(self) -> str:
        verdict = "ok" if self.holds else "TOO LARGE"
        what = f"{self.inputs}, {self.dtype}, {self.frames} frames"
        return f"{what}: largest logit difference {self.difference:.2e}, allowed {self.allowed:.2e}: {verdict}"


def compare_networks(masked: Model, small: Model, utterances: Mapping[str, np.ndarray]) -> list[Agreement]:
    """Compares logits on random inputs and on all frames of `utterances` (float32 [frames, dim]),
    in float32 and float64.

    Allowed are 1e-5 * max(1, largest |logit|) in float32 and 1e-9 in float64.
    """
    return [
        _agreement(masked, small, what, batches, dtype)
        for dtype in (torch.float32, torch.float64)
        for what, batches in (("random inputs", _random(masked)), ("test frames", _spliced(masked, utterances)))
    ]


@torch.no_grad()
def _agreement(masked: Model, small: Model, what: str, batches: Iterable[Tensor], dtype: torch.dtype) -> Agreement:
    one, other = masked.network.to(dtype).eval(), small.network.to(dtype).eval()
    difference, largest, frames = 0.0, 1.0, 0
    for batch in batches:
        logits = one(batch.to(dtype))
        # nan_to_num: max() would pass over a difference that is no number
        apart = (logits - other(batch.to(dtype))).abs().nan_to_num(nan=torch.inf)
        difference = max(difference, float(apart.max()))
        largest = max(largest, float(logits.abs().max()))
        frames += len(batch)
    masked.network.float()
    small.network.float()
    allowed = 1e-9 if dtype == torch.float64 else 1e-5 * largest
    return Agreement(what, str(dtype).removeprefix("torch."), frames, difference, allowed)


def _random(model: Model) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (RANDOM_FRAMES, len(model.network.shift))
    return [torch.randn(shape, generator=generator) / model.network.scale + model.network.shift]


def _spliced(model: Model, utterances: Mapping[str, np.ndarray]) -> Iterator[Tensor]:
    return (torch.from_numpy(splice_utterance(utterances[name], model.context)) for name in sorted(utterances))
