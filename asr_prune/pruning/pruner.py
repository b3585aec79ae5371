"""What runs a method inside the training: its phases, the cut, and the removed nodes kept out of the way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, optim

from asr_prune.acoustic.evaluate import Quality
from asr_prune.acoustic.hooks import Hooks
from asr_prune.acoustic.network import Network, size_of
from asr_prune.pruning.departed import Departed
from asr_prune.pruning.method import Method
from asr_prune.pruning.plan import Phase
from asr_prune.pruning.removal import fold
from asr_prune.pruning.trail import Trail

SMALL_CUT = 0.05
#: about how often a run writes its nodes' scores down
RECORDS = 32


@dataclass
class Cut:
    """What the cut found and did.

    kept, alive: boolean [nodes] a layer; scores: the norms it ranked by; step: the update after which it came; cross-
    entropies on dev, nats a frame.
    """

    step: int
    kept: list[Tensor]
    alive: list[Tensor]
    scores: list[Tensor]
    dev_ce_before: float
    dev_ce_after: float

    @property
    def norm_mass_removed(self) -> float:
        """Share of the summed scores that the removed nodes had."""
        total = sum(float(s.sum()) for s in self.scores)
        gone = sum(float(s[~k].sum()) for s, k in zip(self.scores, self.kept, strict=True))
        return gone / max(total, 1e-30)

    @property
    def nodes(self) -> list[int]:
        return [int(k.sum()) for k in self.kept]


class Pruner(Hooks):
    """Runs `method` through warm_up, press and release.

    After the run, `cut` says what was removed, `before_cut` holds the network's weights as they stood before, and
    `snapshots` those that the method asked to keep. folder: of the run, for its trail; None writes none.
    """

    def __init__(self, method: Method, folder: Path | None = None) -> None:
        self.method, self.trail = method, Trail(folder)
        self.snapshots: dict[str, dict[str, Tensor]] = {}
        self.step = 0
        self.cut: Cut | None = None
        self.before_cut: dict[str, Tensor] = {}
        self.run_over: Callable[[], object] = lambda: None

    @property
    def phase(self) -> Phase:
        if self.cut is not None:
            return "release"
        return "press" if self.step >= self.plan.press_from else "warm_up"

    @property
    def converged(self) -> bool | None:
        """Whether a steered run's cut removed at most 5 % of the norm mass; None for methods that do not steer."""
        if not self.method.steers or self.cut is None:
            return None
        return self.cut.norm_mass_removed <= SMALL_CUT

    def no_decay(self, network: Network) -> list[Tensor]:
        return self.method.no_decay()

    def training_frames(self, run_over: Callable[[], object]) -> None:
        self.run_over = run_over

    def parts(self, steps: int) -> list[tuple[int, float]]:
        return self.method.parts(steps)

    def acting(self, training: bool) -> AbstractContextManager[None]:
        return nullcontext() if self.cut else self.method.acting(training)

    def start(self, network: Network, optimiser: optim.Optimizer, steps: int, evaluate: Callable[[], Quality]) -> None:
        self.network, self.evaluate = network, evaluate
        self.departed = Departed(self.method, network, optimiser)
        self.plan = self.method.plan_of(steps)
        self.dense_dropouts = list(network.dropouts)
        self.method.start(optimiser, self.plan)
        self.record_every = max(1, steps // RECORDS)
        self._record()

    def penalty(self) -> Tensor | None:
        return self.method.penalty() if self.phase == "press" else None

    def after_backward(self) -> None:
        if self.phase == "press":
            self.method.after_backward()
        self.departed.hold_gradients()

    def after_step(self) -> None:
        pressing = self.phase == "press"
        self.step += 1
        self.departed.hold()
        if pressing:
            self._press()
        if self.step % self.record_every == 0 and not (self.cut and self.cut.step == self.step):
            self._record()

    def _press(self) -> None:
        self.method.after_step(self.step)
        self._keep_snapshot()
        if (gone := self.method.gone()) is not None:
            self.departed.take(gone)
        shares = [self._share_now()] * len(self.method.layers) if self.method.steers else self.method.shares()
        if shares is not None:
            self._thin_dropout(shares)
        if self.step >= self.plan.cut_at or self.method.reached():
            self._cut()

    def _record(self) -> None:
        phase = self.method.phase(self.step) or self.phase
        self.trail.scores(self.step, phase, self.method.dense(self.method.scores()))

    def _keep_snapshot(self) -> None:
        if name := self.method.snapshot(self.step):
            self.snapshots[name] = {key: value.detach().clone() for key, value in self.network.state_dict().items()}

    def may_halve(self) -> bool:
        return self.phase != "press" or not self.method.penalises

    def end_of_epoch(self, quality: Quality) -> dict[str, Any]:
        figures: dict[str, Any] = (
            {} if self.cut else self.method.end_of_epoch(quality.cross_entropy, self.phase == "press")
        )
        alive = self.cut.kept if self.cut else self.method.dense(self.method.alive())
        for row in self.method.audit():
            self.trail.add(self.method.audit_file, row)
        self.trail.flush()
        return {
            "phase": self.method.phase(self.step) or self.phase,
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
        before = self.evaluate().cross_entropy
        with self.method.acting(training=False):
            self.before_cut = self.departed.whole().state_dict()
        self.method.look(self.run_over)
        self._record()
        told = self.method.scores(), self.method.alive(), self.method.finish()
        scores, alive, kept = (self.method.dense(values) for values in told)
        if (constants := self.method.constants()) is not None:
            fold(self.method.layers, told[2], constants)
        self.departed.take([~mask for mask in told[2]], last=self.step >= self.plan.steps)
        self.cut = Cut(self.step, kept, alive, scores, before, self.evaluate().cross_entropy)
        self._thin_dropout([float(k.float().mean()) for k in kept])

    def _share_now(self) -> float:
        """Where the share of nodes stands on the straight line from all to the target over the press."""
        nodes = sum(self.method.sizes)
        return 1 - self.plan.progress(self.step) * (1 - (self.method.target or nodes) / nodes)

    def _thin_dropout(self, shares: list[float]) -> None:
        """Lowers each layer's dropout in proportion to the nodes it has: a small layer can spare less.

        After Han, Pool, Tran and Dally 2015 (arXiv 1506.02626, section 3.2), for nodes instead of connections.
        """
        self.network.dropouts = [rate * share for rate, share in zip(self.dense_dropouts, shares, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "dropouts": self.network.dropouts,
            "method": self.method.state_dict(),
            "departed": self.departed.state_dict(),
            "cut": vars(self.cut) if self.cut else None,
            "before_cut": self.before_cut,
            "snapshots": self.snapshots,
            "trail": self.trail.state_dict(),
        }

    def reshape(self, state: dict[str, Any]) -> None:
        self.departed.reshape(state["departed"])

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step, self.before_cut, self.snapshots = state["step"], state["before_cut"], state["snapshots"]
        self.trail.load_state_dict(state["trail"])
        self.network.dropouts = state["dropouts"]
        self.method.load_state_dict(state["method"])
        self.cut = Cut(**state["cut"]) if state["cut"] else None
