"""Hooks of the trainer, through which pruning takes part in training."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor, optim

from asr_prune.acoustic.evaluate import Quality
from asr_prune.acoustic.network import Network


class Hooks:
    """Hooks that do nothing: plain training. Subclasses override what they need."""

    def no_decay(self, network: Network) -> list[Tensor]:
        """Parameters without weight decay while a penalty shrinks them."""
        return []

    def training_frames(self, run_over: Callable[[], object]) -> None:
        """Called before `start`. `run_over()` evaluates the network on all training frames, at any
        time, so that hooks can observe its layers.
        """

    def parts(self, steps: int) -> list[tuple[int, float]]:
        """The parts of the run, each with its own learning-rate schedule: (updates, learning-rate
        factor).

        Called once, before `start`; the updates sum to `steps`.
        """
        return [(steps, 1.0)]

    def start(
        self,
        network: Network,
        optimiser: optim.Optimizer,
        steps: int,
        evaluate: Callable[[], Quality],
    ) -> None:
        """Called before the first update.

        steps: updates of the whole run; evaluate: returns the current quality on the dev set.
        """

    def acting(self, training: bool) -> AbstractContextManager[None]:
        """A context in which the network has its acting weights, those that it computes with.

        Entered around forward and backward passes (training) and around evaluations. The optimiser
        updates the weights outside.
        """
        return nullcontext()

    def penalty(self) -> Tensor | None:
        """A scalar added to the loss of this update."""
        return None

    def after_backward(self) -> None:
        """Called between the backward pass and the update."""

    def after_step(self) -> None:
        """Called after the update."""

    def may_halve(self) -> bool:
        """Whether newbob may use this epoch's dev cross-entropy; not while a penalty raises it."""
        return True

    def begins_anew(self) -> bool:
        """Whether newbob must not compare this epoch's dev cross-entropy with those before, as the
        network has become another one.
        """
        return False

    def end_of_epoch(self, quality: Quality) -> dict[str, Any]:
        """Called after an epoch's evaluation. Returns figures for metrics.jsonl."""
        return {}

    def finish(self) -> None:
        """Called after the last update, before the last evaluation."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: tensors and plain values."""
        return {}

    def reshape(self, state: dict[str, Any]) -> None:
        """Restores the network's shape; called before a checkpoint's weights are loaded."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what state_dict returned; called after start."""
