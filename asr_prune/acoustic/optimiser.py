"""AdamW with a one-cycle learning rate, or SGD with newbob halving."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from torch import Tensor, optim

from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import TrainOptions

#: key of a group of penalised weights: their weight decay while no penalty acts
AT_REST = "decay_at_rest"


def make_optimiser(network: Network, options: TrainOptions, no_decay: list[Tensor]) -> optim.Optimizer:
    """The optimiser of `options`, with weight decay of all weights but gates. Those in `no_decay`
    are a group of their own, whose decay `rest_decay` takes away.
    """
    excluded = {id(p) for p in no_decay}
    weights = [layer.weight for layer in network.affine]
    biases = [layer.bias for layer in network.affine if layer.bias is not None]
    decayed = [w for w in weights if id(w) not in excluded]
    gates = [layer.weight for layer in network.modules() if getattr(layer, "virtual", False)]
    penalised = [w for w in weights if id(w) in excluded]
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": options.weight_decay},
        {"params": biases + gates, "weight_decay": 0.0},
    ]
    if penalised:
        groups.append({"params": penalised, "weight_decay": options.weight_decay, AT_REST: options.weight_decay})
    if options.optimiser == "adamw":
        return optim.AdamW(groups, lr=options.learning_rate, fused=True)
    return optim.SGD(groups, lr=options.learning_rate, momentum=options.momentum)


def rest_decay(optimiser: optim.Optimizer, acting: bool) -> None:
    """Penalised weights have weight decay before and after the phase in which a penalty is acting:
    without it they would fit the training set more closely than all others.
    """
    for group in optimiser.param_groups:
        if AT_REST in group:
            group["weight_decay"] = 0.0 if acting else group[AT_REST]


class OneCycle:
    """Learning rate that rises from 1/25 of its peak and falls to 1/10,000 of it, both along a
    cosine (Smith and Topin 2018, arXiv 1708.07120).
    """

    def __init__(self, options: TrainOptions, steps: int) -> None:
        self.peak, self.steps = options.learning_rate, steps
        self.rising = max(1.0, options.pct_start * steps)  # updates up to the peak

    def rate(self, step: int) -> float:
        """Learning rate of update `step`, counted from 0."""
        low, x = self.peak / 25, step / self.rising
        if step > self.rising:
            low, x = self.peak / 1e4, 1 - (step - self.rising) / max(1.0, self.steps - self.rising)
        return low + (self.peak - low) * (1 - math.cos(math.pi * x)) / 2

    def end_of_epoch(self, cross_entropy: float) -> None:
        """Has no effect."""

    def forget(self) -> None:
        """Has no effect."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Has no effect: the rate depends on the update alone."""


class Newbob:
    """Constant learning rate until dev cross-entropy improves by less than `halve_below`, then
    halved each epoch (Kaldi's steps/nnet/train_scheduler.sh).
    """

    def __init__(self, options: TrainOptions) -> None:
        self.now, self.halve_below = options.learning_rate, options.halve_below
        self.best, self.halving = math.inf, False

    def rate(self, step: int) -> float:
        """Learning rate of update `step`."""
        return self.now

    def end_of_epoch(self, cross_entropy: float) -> None:
        """Decides on halving. cross_entropy: of the dev set."""
        little = cross_entropy > self.best * (1 - self.halve_below)
        self.halving = self.halving or (math.isfinite(self.best) and little)
        if self.halving:
            self.now /= 2
        self.best = min(self.best, cross_entropy)

    def forget(self) -> None:
        """Compares the next dev cross-entropy with none before."""
        self.best = math.inf

    def state_dict(self) -> dict[str, Any]:
        return {"now": self.now, "best": self.best, "halving": self.halving}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.now, self.best, self.halving = state["now"], state["best"], state["halving"]


def make_schedule(options: TrainOptions, steps: int) -> OneCycle | Newbob:
    """One-cycle for adamw, newbob for sgd."""
    return OneCycle(options, steps) if options.optimiser == "adamw" else Newbob(options)


class ScheduleSequence:
    """Several schedules in sequence.

    parts: (updates, factor) of each schedule; factor multiplies the learning rate.
    """

    def __init__(self, options: TrainOptions, parts: Sequence[tuple[int, float]]) -> None:
        self.starts = [0, *accumulate(steps for steps, _ in parts[:-1])]
        self.schedules = [
            make_schedule(replace(options, learning_rate=factor * options.learning_rate), steps)
            for steps, factor in parts
        ]

    def _part(self, step: int) -> int:
        return bisect_right(self.starts, max(step, 0)) - 1

    def rate(self, step: int) -> float:
        """Learning rate of update `step`, counted from 0."""
        part = self._part(step)
        return self.schedules[part].rate(step - self.starts[part])

    def end_of_epoch(self, cross_entropy: float, step: int) -> None:
        """Ends an epoch of the schedule of the last update. step: number of updates so far."""
        self.schedules[self._part(step - 1)].end_of_epoch(cross_entropy)

    def forget(self, step: int) -> None:
        """What was measured until now is no measure for what comes. step: as in `end_of_epoch`."""
        self.schedules[self._part(step - 1)].forget()

    def state_dict(self) -> dict[str, Any]:
        return {"parts": [schedule.state_dict() for schedule in self.schedules]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for schedule, part in zip(self.schedules, state["parts"], strict=True):
            schedule.load_state_dict(part)
