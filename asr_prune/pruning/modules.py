"""Pruning of any PyTorch module inside a training loop of its user."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import deepcopy
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn, optim

from asr_prune.acoustic.evaluate import Quality
from asr_prune.acoustic.optimiser import AT_REST
from asr_prune.pruning.cut import Cut
from asr_prune.pruning.given import check_sizes, given_options
from asr_prune.pruning.method import Method
from asr_prune.pruning.pairs import Activation, NodePair, PrunableModule, find_pairs
from asr_prune.pruning.parts import ActingWeights
from asr_prune.pruning.pruner import Pruner
from asr_prune.pruning.registry import find_method
from asr_prune.pruning.removal import shrink_layers
from asr_prune.pruning.verify import Agreement, agreement

#: the attribute in which a module keeps its pairs, and whether pruning is finished
_NOTE = "_asr_prune"
Pairs = Sequence[tuple[str, str]]


def prune_module(
    model: nn.Module,
    method: str = "group_lasso",
    *,
    optimiser: optim.Optimizer,
    steps: int,
    pairs: Pairs | None = None,
    activation: Activation = torch.relu,
    evaluate: Callable[[], float] | None = None,
    run_over: Callable[[], object] | None = None,
    **options: Any,
) -> ModulePruner:
    """Begins to prune `model` with a method, and returns the object to call from the training loop.

    optimiser: trains the model; weights that the method penalises get a parameter group without
    weight decay, so make learning-rate schedulers afterwards. steps: updates of the whole run.
    pairs: names of two nn.Linear each, between which nodes are removed, from input to output; by
    default all successive ones of an nn.Sequential. activation: what the model applies between maps
    that are not in one nn.Sequential, elementwise. evaluate: returns the loss on held-out data,
    reported for the cut. run_over: runs the model over the training data, for methods that measure
    activations. options: of the method, such as keep; live_shrink is False here by default.

    Raises ValueError if the model cannot be pruned exactly, or an option is unknown, invalid or
    means nothing beside the others.
    """
    settings = given_options(method, options)
    named = find_pairs(model) if pairs is None else [NodePair(*names, activation) for names in pairs]
    network = PrunableModule(model, named)
    layers = network.node_layers()
    check_sizes(settings, [layer.size for layer in layers])
    chosen = find_method(method)(settings, layers)
    if chosen.score.needs_frames and run_over is None:
        raise ValueError(f"{method} measures activations here; give run_over, which runs the training data")
    trained = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    if not all(id(p) in trained for layer in layers for m in (layer.incoming, layer.outgoing) for p in m.parameters()):
        raise ValueError("the optimiser does not train all maps that are to be pruned; make it from model.parameters()")
    _set_apart(optimiser, chosen.penalty.no_decay())
    return ModulePruner(chosen, network, optimiser, steps, evaluate, run_over)


class ModulePruner:
    """Follows a training loop; call its methods in this order for each update.

        loss = criterion(model(inputs), targets) + pruner.penalty()
        optimiser.zero_grad()
        loss.backward()
        pruner.after_backward()
        optimiser.step()
        pruner.after_step()

    Afterwards call `finish`. Without `live_shrink`, removed nodes stay in the model as zeros, and
    `shrink_module` makes the smaller copy.
    """

    def __init__(
        self,
        method: Method,
        network: PrunableModule,
        optimiser: optim.Optimizer,
        steps: int,
        evaluate: Callable[[], float] | None,
        run_over: Callable[[], object] | None,
    ) -> None:
        self.network, self.hooks = network, Pruner(method)
        self.parts = self.hooks.parts(steps)
        if run_over is not None:
            self.hooks.training_frames(run_over)
        measure = evaluate or (lambda: math.nan)
        self.hooks.start(network, optimiser, steps, lambda: Quality(measure(), math.nan))
        self._acting: ExitStack | None = None
        self._handles = self._watch(method.weights)
        setattr(network.model, _NOTE, (network.pairs, False))

    def _watch(self, weights: ActingWeights) -> list[Any]:
        """Forward passes compute with the acting weights, if the method has any."""
        if type(weights).acting is ActingWeights.acting:
            return []
        model = self.network.model
        enter = model.register_forward_pre_hook(self._enter)
        return [enter, model.register_forward_hook(self._leave, always_call=True)]

    def _enter(self, module: nn.Module, inputs: Any) -> None:
        training = module.training and torch.is_grad_enabled()
        if self._acting is None:
            self._acting = ExitStack()
            self._acting.enter_context(self.hooks.acting(training))
        elif not training:
            raise RuntimeError("call loss.backward() and pruner.after_backward() before the model is evaluated")

    def _leave(self, module: nn.Module, inputs: Any, outputs: Any) -> None:
        if not (module.training and torch.is_grad_enabled()):
            self._close()

    def _close(self) -> None:
        if self._acting is not None:
            self._acting.close()
            self._acting = None

    def __deepcopy__(self, memo: dict[int, Any]) -> ModulePruner:
        """Copies of the model, whose hooks refer to the pruner, do not copy it."""
        return self

    @property
    def phase(self) -> str:
        """warm_up, sparsify or fine_tune."""
        return self.hooks.phase

    @property
    def cut(self) -> Cut | None:
        """What was removed; None before the cut."""
        return self.hooks.cut

    @property
    def learning_rate_factor(self) -> float:
        """The method's factor on the learning rate of the next update, 1 for most methods."""
        ends = accumulate(updates for updates, _ in self.parts)
        return next(
            (f for end, (_, f) in zip(ends, self.parts, strict=True) if self.hooks.step < end),
            self.parts[-1][1],
        )

    def penalty(self) -> Tensor:
        """What is added to the loss, []; 0 if there is nothing to add."""
        term = self.hooks.penalty()
        return next(self.network.model.parameters()).new_zeros(()) if term is None else term

    def after_backward(self) -> None:
        """Call it after `loss.backward()`, before gradients are clipped."""
        self._close()
        self.hooks.after_backward()

    def after_step(self) -> None:
        """Call it after `optimiser.step()`."""
        self.hooks.after_step()

    def end_of_epoch(self, dev_loss: float) -> dict[str, Any]:
        """May be called after each epoch; returns the method's figures.

        dev_loss: on held-out data. A steered penalty rises no further while it is too high.
        """
        return {} if self.cut else self.hooks.method.end_of_epoch(dev_loss, self.hooks.sparsifying)

    def finish(self) -> None:
        """Cuts if that has not been done, and releases the model."""
        self._close()
        self.hooks.finish()
        for handle in self._handles:
            handle.remove()
        setattr(self.network.model, _NOTE, (self.network.pairs, True))


def shrink_module(
    model: nn.Module,
    pairs: Pairs | None = None,
    activation: Activation = torch.relu,
) -> nn.Module:
    """A smaller copy of `model` that computes the same.

    Nodes whose outgoing weights are zero are deleted; nodes whose incoming weights are zero are
    constants and are folded into the next biases. pairs, activation: as for `prune_module`; by
    default those that it was given. Raises ValueError as `prune_module`, and if pruning is not
    finished.
    """
    small = deepcopy(_finished(model))
    noted = getattr(small, _NOTE, None)
    if noted is not None:
        delattr(small, _NOTE)
    named = [NodePair(*names, activation) for names in pairs] if pairs is not None else None
    named = named or (noted[0] if noted else find_pairs(small))
    shrink_layers(PrunableModule(small, named).node_layers())
    return small


def verify_module(model: nn.Module, small: nn.Module, inputs: Tensor) -> Agreement:
    """Compares the outputs of two modules for `inputs`, [batch, ...], without dropout, in their
    dtype.

    Allowed are 1e-5 * max(1, largest |output|), in float64 1e-9. Neither module is changed. Raises
    ValueError if pruning is not finished.
    """
    one, other = deepcopy(_finished(model)), deepcopy(small)
    return agreement(one, other, "inputs", [inputs], next(model.parameters()).dtype)


def _finished(model: nn.Module) -> nn.Module:
    if not getattr(model, _NOTE, (None, True))[1]:
        raise ValueError("the model is still being pruned; call finish() of its pruner first")
    return model


def _set_apart(optimiser: optim.Optimizer, weights: Sequence[Tensor]) -> None:
    """Moves `weights` to parameter groups of their own, see `rest_decay`."""
    for group in list(optimiser.param_groups):
        moved = [i for i, p in enumerate(group["params"]) if any(p is weight for weight in weights)]
        if moved and group.get("weight_decay"):
            lists = {key: group[key] for key in ("params", "param_names") if key in group}
            own: dict[str, Any] = {key: [values[i] for i in moved] for key, values in lists.items()}
            for key, values in lists.items():
                group[key] = [value for i, value in enumerate(values) if i not in moved]
            optimiser.add_param_group({**group, **own, AT_REST: group["weight_decay"]})
