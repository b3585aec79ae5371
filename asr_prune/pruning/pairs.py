"""Pairs of linear maps in any PyTorch module, between which nodes stand that can be removed
exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from asr_prune.acoustic.node_layer import NodeLayer

Activation = Callable[[Tensor], Tensor]

#: methods compare with these functions to recognise an activation
_FUNCTIONS: dict[type[nn.Module], Activation] = {
    nn.ReLU: torch.relu,
    nn.Sigmoid: torch.sigmoid,
    nn.Tanh: torch.tanh,
}
_SAME: dict[Activation, Activation] = {F.relu: torch.relu, F.sigmoid: torch.sigmoid, F.tanh: torch.tanh}
#: each output depends on the input at the same place alone
_ELEMENTWISE = (
    *_FUNCTIONS,
    *(nn.GELU, nn.SiLU, nn.Mish, nn.ELU, nn.SELU, nn.CELU, nn.LeakyReLU, nn.ReLU6, nn.Hardtanh),
    *(nn.Hardsigmoid, nn.Hardswish, nn.Softplus, nn.Softsign, nn.LogSigmoid, nn.Identity),
)


@dataclass(frozen=True)
class NodePair:
    """incoming, outgoing: names of two nn.Linear; activation: what stands between them, if it is
    not found there.
    """

    incoming: str
    outgoing: str
    activation: Activation = torch.relu


class PrunableModule:
    """A module as the pruner sees it: layers of nodes between the maps of each pair.

    Raises ValueError, naming the pair, if a node of it could not be removed exactly.
    """

    def __init__(self, model: nn.Module, pairs: Sequence[NodePair]) -> None:
        self.model, self.pairs = model, list(pairs)
        for pair in self.pairs:
            _check(model, pair)
        for side in ("incoming", "outgoing"):
            names = [getattr(pair, side) for pair in self.pairs]
            if twice := [name for name in names if names.count(name) > 1]:
                raise ValueError(f"{twice[0]!r} is the {side} map of two pairs; name it once")

    def node_layers(self) -> list[NodeLayer]:
        """A layer for each pair."""
        incoming = {pair.incoming for pair in self.pairs}
        return [
            NodeLayer(
                _linear(self.model, pair.incoming),
                _linear(self.model, pair.outgoing),
                _activation(self.model, pair),
                gives_logits=pair.outgoing not in incoming,
            )
            for pair in self.pairs
        ]

    @property
    def dropouts(self) -> list[float]:
        """The dropout rate between the maps of each pair, 0 if there is no nn.Dropout."""
        return [max((module.p for module in modules), default=0.0) for modules in self._dropout_modules()]

    @dropouts.setter
    def dropouts(self, rates: Sequence[float]) -> None:
        for modules, rate in zip(self._dropout_modules(), rates, strict=True):
            for module in modules:
                module.p = rate

    def _dropout_modules(self) -> list[list[nn.Dropout]]:
        between = [modules_between(self.model, pair) or [] for pair in self.pairs]
        return [[module for module in modules if isinstance(module, nn.Dropout)] for modules in between]

    def state_dict(self) -> dict[str, Any]:
        """The module's."""
        return self.model.state_dict()


def find_pairs(model: nn.Module) -> list[NodePair]:
    """The pairs of successive nn.Linear in an nn.Sequential, nested ones included.

    Raises ValueError if `model` is something else or has fewer than two.
    """
    if not isinstance(model, nn.Sequential):
        raise ValueError(
            f"a {type(model).__name__} does not show which maps follow each other; name them, for example "
            "pairs=[('fc1', 'fc2')]"
        )
    names = [name for name, module in _leaves(model) if isinstance(module, nn.Linear)]
    if len(names) < 2:
        raise ValueError("nodes stand between two nn.Linear, and the model has fewer; there is nothing to prune")
    return [NodePair(*names) for names in pairwise(names)]


def modules_between(model: nn.Module, pair: NodePair) -> list[nn.Module] | None:
    """The modules between the maps of a pair inside one nn.Sequential; None if they are not inside
    one.
    """
    common = []
    for one, other in zip(pair.incoming.split("."), pair.outgoing.split("."), strict=False):
        if one != other:
            break
        common.append(one)
    parent = model.get_submodule(".".join(common))
    if not isinstance(parent, nn.Sequential):
        return None
    prefix = ".".join([*common, ""])
    leaves = [(f"{prefix}{name}", module) for name, module in _leaves(parent)]
    names = [name for name, _ in leaves]
    if pair.incoming not in names or pair.outgoing not in names:
        return None
    return [module for _, module in leaves[names.index(pair.incoming) + 1 : names.index(pair.outgoing)]]


def _leaves(model: nn.Sequential) -> Iterator[tuple[str, nn.Module]]:
    """The modules of a Sequential in the order of its computation, with their names; one that
    stands in several places comes several times.
    """
    for name, module in zip(model._modules, model, strict=True):
        if isinstance(module, nn.Sequential):
            yield from ((f"{name}.{inner}", leaf) for inner, leaf in _leaves(module))
        else:
            yield name, module


class _Chain:
    """Elementwise modules one after the other, none of which may change its input in place."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.modules = list(modules)

    def __call__(self, values: Tensor) -> Tensor:
        for module in self.modules:
            values = module(values.clone())
        return values


def _activation(model: nn.Module, pair: NodePair) -> Activation:
    between = modules_between(model, pair)
    if between is None:
        return _recognised(pair.activation)
    modules = [module for module in between if not isinstance(module, nn.Dropout)]
    return _recognised(modules[0]) if len(modules) == 1 and type(modules[0]) in _FUNCTIONS else _Chain(modules)


def _recognised(activation: Activation) -> Activation:
    """The function that methods compare with, if there is one for it."""
    if isinstance(activation, nn.Module):
        return _FUNCTIONS.get(type(activation), activation)
    return _SAME.get(activation, activation)


def _linear(model: nn.Module, name: str) -> nn.Linear:
    module = model.get_submodule(name)
    assert isinstance(module, nn.Linear)
    return module


def _check(model: nn.Module, pair: NodePair) -> None:
    for name in (pair.incoming, pair.outgoing):
        _check_map(model, name)
    nodes, inputs = _linear(model, pair.incoming).out_features, _linear(model, pair.outgoing).in_features
    if nodes != inputs:
        raise ValueError(
            f"{pair.incoming!r} has {nodes} outputs and {pair.outgoing!r} {inputs} inputs; "
            "name two maps that follow each other"
        )
    for module in modules_between(model, pair) or []:
        if not isinstance(module, (*_ELEMENTWISE, nn.Dropout)):
            raise ValueError(
                f"a {type(module).__name__} stands between {pair.incoming!r} and {pair.outgoing!r}, "
                "so that nodes cannot be removed exactly; leave the pair out of pairs"
            )


def _check_map(model: nn.Module, name: str) -> None:
    modules = dict(model.named_modules(remove_duplicate=False))
    module = modules.get(name)
    if not isinstance(module, nn.Linear):
        kind = "not there" if module is None else f"a {type(module).__name__}"
        raise ValueError(f"{name!r} is {kind}; nodes are removed between two nn.Linear of the model")
    if module.bias is None:
        raise ValueError(f"{name!r} has no bias, which takes the constants of removed nodes; make it with bias=True")
    if parametrize.is_parametrized(module):
        raise ValueError(f"{name!r} is parametrised; remove the parametrisations before pruning")
    if not isinstance(module.weight, nn.Parameter):  # torch.nn.utils.weight_norm, spectral_norm
        what = f"{name!r} computes its weight anew in each pass"
        raise ValueError(f"{what}; remove what does that before pruning")
    parameters = [id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False)]
    shared = sum(other is module for other in modules.values()) > 1
    if shared or any(parameters.count(id(p)) > 1 for p in module.parameters()):
        raise ValueError(f"{name!r} is used in several places; nodes of shared maps cannot be removed exactly")
