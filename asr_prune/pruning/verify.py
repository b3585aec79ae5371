"""Checks that a physically smaller network computes the same as the masked one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from asr_prune.acoustic.checkpoint import Model
from asr_prune.acoustic.examples import splice_utterance

_RANDOM_FRAMES = 4096


@dataclass(frozen=True)
class Agreement:
    """The largest difference of two networks' outputs over some inputs, and the allowed one."""

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
    networks = masked.network, small.network
    rows = [
        agreement(*networks, what, batches, dtype)
        for dtype in (torch.float32, torch.float64)
        for what, batches in (
            ("random inputs", _random(masked)),
            ("test frames", _spliced(masked, utterances)),
        )
    ]
    for network in networks:
        network.float()
    return rows


@torch.no_grad()
def agreement(one: nn.Module, other: nn.Module, what: str, batches: Iterable[Tensor], dtype: torch.dtype) -> Agreement:
    """Compares the outputs of two networks, which stay in evaluation mode and `dtype`.

    batches: float [batch, ...], or numbers that are looked up, which stay as they are; what: names
    them.
    """
    one, other = one.to(dtype).eval(), other.to(dtype).eval()
    difference, largest, frames = 0.0, 1.0, 0
    for batch in batches:
        values = batch.to(dtype) if batch.is_floating_point() else batch
        logits = one(values)
        # nan_to_num: max() would pass over a difference that is no number
        apart = (logits - other(values)).abs().nan_to_num(nan=torch.inf)
        difference = max(difference, float(apart.max()))
        largest = max(largest, float(logits.abs().max()))
        frames += len(batch)
    allowed = 1e-9 if dtype == torch.float64 else 1e-5 * largest
    return Agreement(what, str(dtype).removeprefix("torch."), frames, difference, allowed)


def _random(model: Model) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    network = model.network
    shape = (_RANDOM_FRAMES, len(network.shift))
    read = torch.randn(shape, generator=generator) / network.scale + network.shift
    if network.selection is None:
        return [read]
    return [read.new_zeros(_RANDOM_FRAMES, network.inputs).index_copy_(1, network.selection, read)]


def _spliced(model: Model, utterances: Mapping[str, np.ndarray]) -> Iterator[Tensor]:
    return (torch.from_numpy(splice_utterance(utterances[name], model.context)) for name in sorted(utterances))
