"""Runs a method inside the training: its phases, the cut, and the removed nodes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, optim

from asr_prune.acoustic.evaluate import Quality
from asr_prune.acoustic.hooks import Hooks
from asr_prune.acoustic.network import Network, size_of
from asr_prune.acoustic.optimiser import rest_decay
from asr_prune.pruning.axes import turn_axes
from asr_prune.pruning.cut import CHEAP_CUT, SMALL_CUT, Cut
from asr_prune.pruning.live_removal import LiveRemoval
from asr_prune.pruning.method import Method
from asr_prune.pruning.removal import fold_means
from asr_prune.pruning.schedule import Phase
from asr_prune.pruning.trail import TrailWriter
from asr_prune.run_dir import RunDir

#: about how often a run records the scores of its nodes
RECORDS = 32


class Pruner(Hooks):
    """Runs `method` through warm_up, sparsify and fine_tune.

    After the run, `cut` says what was removed, `before_cut` holds the network's weights just before
    it, and `snapshots` those that the method's schedule saves. run: where the run's trail is
    written; None: nowhere. epochs: of the run; None: unknown.
    """

    def __init__(self, method: Method, run: RunDir | None = None, epochs: int | None = None) -> None:
        self.method, self.trail = method, TrailWriter(run)
        method.schedule.epochs = epochs
        self.snapshots: dict[str, dict[str, Tensor]] = {}
        self.step = self.epoch_ended = 0
        self.cut: Cut | None = None
        self.before_cut: dict[str, Tensor] = {}
        self.run_over: Callable[[], object] = lambda: None

    @property
    def phase(self) -> Phase:
        if self.cut is not None:
            return "fine_tune"
        return "sparsify" if self.step >= self.phases.sparsify_from else "warm_up"

    @property
    def sparsifying(self) -> bool:
        return self.phase == "sparsify"

    @property
    def converged(self) -> bool | None:
        """Whether a steered run's cut removed at most 5 % of the norm mass and raised the dev
        cross-entropy by at most 10 %; None for methods that do not steer.
        """
        if not self.method.penalty.steers or self.cut is None:
            return None
        return self.cut.norm_mass_removed <= SMALL_CUT and not self.cut.price > CHEAP_CUT

    def no_decay(self, network: Network) -> list[Tensor]:
        return self.method.penalty.no_decay()

    def training_frames(self, run_over: Callable[[], object]) -> None:
        self.run_over = run_over

    def parts(self, steps: int) -> list[tuple[int, float]]:
        return self.method.schedule.parts(steps)

    def acting(self, training: bool) -> AbstractContextManager[None]:
        return nullcontext() if self.cut else self.method.weights.acting(training)

    def start(
        self,
        network: Any,
        optimiser: optim.Optimizer,
        steps: int,
        evaluate: Callable[[], Quality],
    ) -> None:
        self.network, self.optimiser, self.evaluate = network, optimiser, evaluate
        self.removal = LiveRemoval(self.method, network, optimiser)
        self.phases = self.method.schedule.phases_of(steps)
        self.dense_dropouts = list(network.dropouts)
        self.method.start(optimiser, self.phases)
        self.record_every = max(1, steps // RECORDS)
        self._balance()
        rest_decay(optimiser, self.sparsifying)
        self._record()

    def penalty(self) -> Tensor | None:
        return self.method.penalty.term() if self.sparsifying else None

    def after_backward(self) -> None:
        if self.sparsifying:
            self.method.after_backward()
        self.removal.hold_gradients()

    def after_step(self) -> None:
        sparsifying = self.sparsifying
        self.step += 1
        self.removal.hold()
        self._balance()
        if sparsifying:
            self._sparsify()
        rest_decay(self.optimiser, self.sparsifying)
        if self.step % self.record_every == 0 and not (self.cut and self.cut.step == self.step):
            self._record()

    def _sparsify(self) -> None:
        method = self.method
        method.after_step(self.step)
        self._save_snapshot()
        if (gone := method.gone()) is not None:
            self.removal.take(gone)
        shares = [self._share_now()] * len(method.nodes.layers) if method.penalty.steers else method.weights.shares()
        if shares is not None:
            self._lower_dropout(shares)
        if self.step >= self.phases.cut_at or self._reached():
            self._cut()

    def _balance(self) -> None:
        if self.step == self.phases.sparsify_from:
            for layer in self.method.nodes.layers:
                layer.balance()
            if self.method.options.turns:
                turn_axes(self.method.nodes.layers, self.optimiser, self.run_over)
                self._release()

    def _release(self) -> None:
        for layer in self.method.nodes.layers:
            if layer.linear:
                layer.release()

    def _reached(self) -> bool:
        return self.method.penalty.reached()

    def whole(self) -> Any:
        """A copy of the network in the dense shape, in which what was removed is zero."""
        return self.removal.whole()

    def _phase_name(self) -> str:
        return self.method.schedule.phase(self.step) or self.phase

    def _record(self) -> None:
        scores = self.method.nodes.dense(self.method.score.scores())
        self.trail.scores(self.step, self._phase_name(), scores)

    def _save_snapshot(self) -> None:
        if name := self.method.schedule.snapshot(self.step):
            self.snapshots[name] = {key: value.detach().clone() for key, value in self.network.state_dict().items()}

    def may_halve(self) -> bool:
        return not (self.sparsifying and self.method.raises_dev)

    def begins_anew(self) -> bool:
        return self.cut is not None and self.cut.step > self.epoch_ended

    def end_of_epoch(self, quality: Quality) -> dict[str, Any]:
        figures = {} if self.cut else self.method.end_of_epoch(quality.cross_entropy, self.sparsifying)
        alive = self.cut.kept if self.cut else self.method.nodes.dense(self.method.score.alive())
        if table := self.method.options.AUDIT:
            for row in self.method.audit():
                self.trail.add(table.file, row)
        self.trail.flush()
        self.epoch_ended = self.step
        return {
            "phase": self._phase_name(),
            "nodes": sum(int(a.sum()) for a in alive),
            "nodes_per_layer": [int(a.sum()) for a in alive],
            "macs": size_of(self.network).macs,
            **figures,
        }

    def finish(self) -> None:
        if self.cut is None:
            self._cut()

    @torch.no_grad()
    def _cut(self) -> None:
        method, nodes = self.method, self.method.nodes
        ce_before = self.evaluate().cross_entropy
        with method.weights.acting(training=False):
            self.before_cut = self.whole().state_dict()
        method.score.look(self.run_over)
        self._record()
        scores, alive = method.score.scores(), method.score.alive()
        kept = method.finish()
        chosen, living, measured = (nodes.dense(values) for values in (kept, alive, scores))
        self._remove(kept)
        self.cut = Cut(self.step, chosen, living, measured, ce_before, self.evaluate().cross_entropy)
        self._lower_dropout([float(k.float().mean()) for k in self.cut.kept])

    def _remove(self, kept: list[Tensor]) -> None:
        if (constants := self.method.score.constants()) is not None:
            fold_means(self.method.nodes.layers, kept, constants)
        self.removal.take([~mask for mask in kept], last=self.step >= self.phases.steps)

    def _share_now(self) -> float:
        """The fraction of nodes on the straight line from all to those that remain over the
        sparsify phase.
        """
        return 1 - self.phases.progress(self.step) * (1 - self.method.nodes.share)

    def _lower_dropout(self, shares: list[float]) -> None:
        """Lowers each layer's dropout in proportion to its nodes: a small layer can spare less.

        After Han, Pool, Tran and Dally 2015 (arXiv 1506.02626, section 3.2), for nodes instead of
        connections.
        """
        pairs = zip(self.dense_dropouts, shares, strict=True)
        self.network.dropouts = [rate * share for rate, share in pairs]

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "dropouts": self.network.dropouts,
            "method": self.method.state_dict(),
            "departed": self.removal.state_dict(),
            "cut": vars(self.cut) if self.cut else None,
            "before_cut": self.before_cut,
            "snapshots": self.snapshots,
            "trail": self.trail.state_dict(),
        }

    def reshape(self, state: dict[str, Any]) -> None:
        self.removal.reshape(state["departed"])

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step, self.before_cut, self.snapshots = (
            state["step"],
            state["before_cut"],
            state["snapshots"],
        )
        self.epoch_ended = self.step
        self.trail.load_state_dict(state["trail"])
        self.network.dropouts = state["dropouts"]
        self.method.load_state_dict(state["method"])
        self.cut = Cut(**state["cut"]) if state["cut"] else None
        if self.method.options.turns and self.step >= self.phases.sparsify_from:
            self._release()
