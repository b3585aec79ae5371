"""Pruning between the nodes of a network: coefficients of its input, and ranks of its maps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

import torch
from torch import Tensor, nn, optim

from asr_prune.acoustic.evaluate import Quality
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.cut import SMALL_CUT, Cut
from asr_prune.pruning.factoring import Factoring
from asr_prune.pruning.input_removal import InputRemoval
from asr_prune.pruning.method import Method
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.pruner import Pruner
from asr_prune.pruning.registry import find_method
from asr_prune.run_dir import RunDir


def make_pruner(
    options: PruneOptions, network: Network, run: RunDir | None = None, epochs: int | None = None
) -> Pruner:
    """The pruner of `options` in a run of `epochs` epochs, with its inputs and maps if they are to
    be pruned too.
    """
    chosen = find_method(options.method)
    method = chosen(options, network.node_layers())
    if not options.removes_inputs and not options.factors:
        return Pruner(method, run, epochs)
    inputs = chosen(options.for_inputs(), [input_layer(network)]) if options.removes_inputs else None
    return EndsPruner(method, inputs, run, epochs)


def input_layer(network: Network) -> NodeLayer:
    """The coefficients that the network reads as a layer of nodes: their incoming vectors are
    empty, their outgoing vectors the columns of the first map.
    """
    first = network.affine[0]
    nothing = nn.utils.skip_init(nn.Linear, 1, first.in_features).to(first.weight)
    nothing.weight, nothing.in_features = nn.Parameter(nothing.weight.detach()[:, :0]), 0
    nn.init.zeros_(nothing.requires_grad_(False).bias)
    return NodeLayer(nothing, first, _given)


def _given(values: Tensor) -> Tensor:
    """Not `unchanged`, whose nodes may be rescaled: nothing makes the input."""
    return values


class EndsPruner(Pruner):
    """Runs a second instance of the method on the coefficients of the input, and factors maps at
    the cut.

    inputs: the second instance, with schedule, strength and count of its own, None if all inputs
    stay. The cut comes when both have reached their counts. input_cut: what was removed of the
    input.
    """

    def __init__(
        self,
        method: Method,
        inputs: Method | None,
        run: RunDir | None = None,
        epochs: int | None = None,
    ) -> None:
        super().__init__(method, run, epochs)
        self.inputs = inputs
        self.input_cut: Cut | None = None
        self.removed = False

    def figures(self) -> dict[str, Any]:
        """Figures of the ends for train.json."""
        cut = self.input_cut
        return {} if cut is None else {"inputs_mass_removed": cut.norm_mass_removed}

    @property
    def converged(self) -> bool | None:
        verdict, cut = super().converged, self.input_cut
        if verdict is None or cut is None:
            return verdict
        return verdict and cut.norm_mass_removed <= SMALL_CUT

    def no_decay(self, network: Network) -> list[Tensor]:
        return super().no_decay(network) + (self.inputs.penalty.no_decay() if self.inputs else [])

    def acting(self, training: bool) -> AbstractContextManager[None]:
        if self.removed:
            return nullcontext()
        stack = ExitStack()
        stack.enter_context(super().acting(training))
        if self.inputs:
            stack.enter_context(self.inputs.weights.acting(training))
        return stack  # type: ignore[return-value]

    def start(
        self,
        network: Any,
        optimiser: optim.Optimizer,
        steps: int,
        evaluate: Callable[[], Quality],
    ) -> None:
        super().start(network, optimiser, steps, evaluate)
        self.factoring = Factoring(network, optimiser, self.run_over)
        if self.inputs:
            self.inputs.start(optimiser, self.phases)
            self.input_removal = InputRemoval(self.inputs, network, optimiser)
            self.input_removal.companions.append(self.method)
            self.removal.companions.append(self.inputs)

    def penalty(self) -> Tensor | None:
        term, other = super().penalty(), None
        if self.inputs and self.sparsifying:
            other = self.inputs.penalty.term()
        return term if other is None else other if term is None else term + other

    def after_backward(self) -> None:
        super().after_backward()
        if self.inputs:
            if self.sparsifying:
                self.inputs.after_backward()
            self.input_removal.hold_gradients()

    def after_step(self) -> None:
        if self.inputs:
            self.input_removal.hold()
        super().after_step()

    def _sparsify(self) -> None:
        if self.inputs:
            self.inputs.after_step(self.step)
            if (gone := self.inputs.gone()) is not None:
                self.input_removal.take(gone)
        super()._sparsify()

    def _reached(self) -> bool:
        return super()._reached() and (not self.inputs or self.inputs.penalty.reached())

    def whole(self) -> Any:
        copy = super().whole()
        if self.inputs:
            self.input_removal.widen(copy)
        return copy

    def end_of_epoch(self, quality: Quality) -> dict[str, Any]:
        if self.inputs and not self.cut:
            self.inputs.end_of_epoch(quality.cross_entropy, self.sparsifying)
        figures = super().end_of_epoch(quality)
        return figures | ({"inputs": self._inputs_now()} if self.inputs else {})

    def _inputs_now(self) -> int:
        assert self.inputs is not None
        return sum(self.input_cut.nodes) if self.input_cut else int(self.inputs.score.alive()[0].sum())

    def _cut(self) -> None:
        super()._cut()
        assert self.cut is not None
        if self.inputs:
            entropies = self.cut.dev_ce_before, self.cut.dev_ce_after
            self.input_cut = Cut(self.step, *self.chosen_inputs, *entropies)

    @torch.no_grad()
    def _remove(self, kept: list[Tensor]) -> None:
        super()._remove(kept)
        if self.inputs:
            nodes, score = self.inputs.nodes, self.inputs.score
            alive, scores = score.alive(), score.scores()
            chosen = self.inputs.finish()
            self.chosen_inputs = nodes.dense(chosen), nodes.dense(alive), nodes.dense(scores)
            self.input_removal.take([~mask for mask in chosen], last=self.step >= self.phases.steps)
        self.removed = True
        self._factor()

    def _factor(self) -> None:
        options = self.method.options
        if options.output_rank is not None:
            rank = None if options.output_rank == "auto" else options.output_rank
            self.factoring.factor_output(rank, options.output_energy)
        if options.FACTORS and options.budget is not None:
            self.factoring.factor_all(options.budget)
            self.method.nodes.layers = self.network.node_layers()

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict() | {"ranks": self.network.ranks, "removed": self.removed}
        if self.inputs:
            cut = vars(self.input_cut) if self.input_cut else None
            departed, method = self.input_removal.state_dict(), self.inputs.state_dict()
            state["inputs"] = {"departed": departed, "method": method, "cut": cut}
        return state

    def reshape(self, state: dict[str, Any]) -> None:
        super().reshape(state)
        if self.inputs:
            self.input_removal.reshape(state["inputs"]["departed"])
        self.factoring.restore(state["ranks"])
        if self.method.options.FACTORS:
            self.method.nodes.layers = self.network.node_layers()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.removed = state["removed"]
        if self.inputs:
            self.inputs.load_state_dict(state["inputs"]["method"])
            cut = state["inputs"]["cut"]
            self.input_cut = Cut(**cut) if cut else None
