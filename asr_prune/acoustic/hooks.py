"""Where something else may take part in training; the trainer calls these and knows no more of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor, optim

from asr_prune.acoustic.evaluate import Quality
from asr_prune.acoustic.network import Network


class Hooks:
    """Plain training: every hook does nothing. Subclasses override what they need."""

    def no_decay(self, network: Network) -> list[Tensor]:
        """Parameters that must not have weight decay, because something else shrinks them."""
        return []

    def training_frames(self, run_over: Callable[[], object]) -> None:
        """Before `start`. Calling `run_over`, then or later, runs the network without dropout over all training frames,
        for who wants to see what its layers do.
        """

    def parts(self, steps: int) -> list[tuple[int, float]]:
        """The run in parts, each with a learning-rate schedule of its own: (updates, factor on the learning rate).

        Asked for once, before `start`; the updates add up to `steps`.
        """
        return [(steps, 1.0)]

    def start(self, network: Network, optimiser: optim.Optimizer, steps: int, evaluate: Callable[[], Quality]) -> None:
        """Before the first step. steps: updates in the whole run; evaluate: dev quality of the network as it stands."""

    def acting(self, training: bool) -> AbstractContextManager[None]:
        """While it is open, the network's weights are those that it computes with: entered around forward and backward
        (training), and around evaluations. The optimiser moves the weights that stand outside.
        """
        return nullcontext()

    def penalty(self) -> Tensor | None:
        """A scalar added to the loss of this step."""
        return None

    def after_backward(self) -> None:
        """Gradients are there, weights not yet updated."""

    def after_step(self) -> None:
        """Weights have just been updated."""

    def may_halve(self) -> bool:
        """Whether newbob may judge this epoch by its dev cross-entropy (not while a penalty holds it up)."""
        return True

    def end_of_epoch(self, quality: Quality) -> dict[str, Any]:
        """After an epoch's evaluation. Returns figures for metrics.jsonl."""
        return {}

    def finish(self) -> None:
        """After the last step, before the last evaluation."""

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs, tensors and plain values."""
        return {}

    def reshape(self, state: dict[str, Any]) -> None:
        """Before the weights of a checkpoint come back: gives the network the shape that it had."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes back what state_dict gave, after start."""
