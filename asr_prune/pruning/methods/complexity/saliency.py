"""The cost of switching a node or a layer off, estimated from one forward and backward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from asr_prune.acoustic.distributed.processes import all_summed, place_of
from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.saliency import gate_slopes

#: weight of the latest mini-batch in a running mean
LATEST = 0.02


class Saliency:
    """The change of the cross-entropy when a gate goes from 0 to 1, estimated at its sample, for
    all gates.

    The derivative at the sample, `CE'(xi)`, is not enough: at a trained node that is on it is about
    0, whatever the node's importance, because the scale of its outgoing vector has been trained
    too. With the second derivative, `CE(1) - CE(0) ~ CE'(xi) - (xi - 1/2) CE''`, where CE'' is the
    mean square of the frames' own derivatives (empirical Fisher) while the gate is on.

    nodes, nodes_second: first and second derivatives, float [nodes] a layer; layers, layers_second:
    [layers].
    """

    def __init__(self, layers: Sequence[NodeLayer]) -> None:
        self.node_layers = layers
        like = [layer.incoming.bias.detach() for layer in layers]
        self.nodes = [torch.zeros_like(b) for b in like]
        self.nodes_second = [torch.zeros_like(b) for b in like]
        self.uses = [0] * len(layers)
        self.parts: list[list[Tensor]] = [[] for _ in layers]
        self.layers = like[0].new_zeros(len(layers))
        self.layers_second = like[0].new_zeros(len(layers))

    @contextmanager
    def watching(self, factors: Sequence[Tensor]) -> Iterator[None]:
        """While it is open, backward passes are observed. factors: gates, float [nodes] a layer."""
        handles = [
            layer.outgoing.register_forward_pre_hook(self._watch(i, factor > 0))
            for i, (layer, factor) in enumerate(zip(self.node_layers, factors, strict=True))
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _watch(self, i: int, on: Tensor) -> Any:
        def before(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            if not torch.is_grad_enabled():
                return inputs
            self.uses[i] += 1
            # detached here: a hook that holds its own tensor would keep the whole graph alive
            outputs = inputs[0].detach()
            watched = inputs[0] if inputs[0].requires_grad else outputs.clone().requires_grad_()
            watched.register_hook(lambda gradient: self._squares(i, on, outputs, gradient))
            return watched, *inputs[1:]

        return before

    @torch.no_grad()
    def _squares(self, i: int, on: Tensor, outputs: Tensor, gradient: Tensor) -> None:
        """Adds squared derivatives; the loss is a mean over frames, so a frame's own derivative is
        its part times the number of frames: of all processes that have a part of the batch. Of a
        layer that is used several times, a frame's parts are added up first.
        """
        now, whole_now = self.nodes_second[i], self.layers_second[i]
        self.parts[i].append((outputs.to(now) * gradient.to(now)).flatten(0, -2))
        if len(self.parts[i]) < self.uses[i]:
            return
        parts, self.parts[i] = _of_frames(self.parts[i]), []
        frames = place_of(len(parts))[1]
        square = frames * all_summed(parts.square().sum(0))
        self.nodes_second[i] = torch.where(on, _latest(now, square), now)
        whole = _latest(whole_now, frames * all_summed(parts.sum(1).square().sum()))
        self.layers_second[i] = torch.where(on.any(), whole, whole_now)

    @torch.no_grad()
    def chain(self, factors: Sequence[Tensor]) -> None:
        """Takes first derivatives from the gradients of the acting outgoing weights, and turns
        these into gradients of the trained weights.
        """
        self.uses, self.parts = [0] * len(self.uses), [[] for _ in self.parts]
        for i, (layer, factor) in enumerate(zip(self.node_layers, factors, strict=True)):
            self.nodes[i] = gate_slopes(layer)
            if (gradient := layer.outgoing.weight.grad) is not None:
                gradient.mul_(factor)

    def of_nodes(self, gates: Sequence[Tensor], layer_gates: Tensor, second: bool) -> list[Tensor]:
        """CE(1) - CE(0) for each node's gate, [nodes] a layer; 0 if its layer is off."""
        return [
            whole * (first - (gate - 0.5) * curve * second)
            for whole, gate, first, curve in zip(layer_gates, gates, self.nodes, self.nodes_second, strict=True)
        ]

    def of_layers(self, gates: Sequence[Tensor], layer_gates: Tensor, second: bool) -> Tensor:
        """CE(1) - CE(0) for each layer's gate, [layers]."""
        pairs = zip(gates, self.nodes, strict=True)
        first = torch.stack([(gate * nodes).sum() for gate, nodes in pairs])
        return first - (layer_gates - 0.5) * self.layers_second * second

    def narrow(self, kept: Sequence[Tensor]) -> None:
        """Only the nodes in `kept` remain, boolean [nodes] a layer."""
        for name in ("nodes", "nodes_second"):
            setattr(
                self,
                name,
                [value[mask] for value, mask in zip(getattr(self, name), kept, strict=True)],
            )

    def state_dict(self) -> dict[str, Any]:
        return {"nodes_second": self.nodes_second, "layers_second": self.layers_second}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.nodes_second, self.layers_second = state["nodes_second"], state["layers_second"]


def _of_frames(parts: Sequence[Tensor]) -> Tensor:
    """The parts of all uses of a layer, [frames, nodes] each, added up frame by frame. Where strides
    leave fewer frames to later uses, each of these takes the earlier ones at its place.
    """
    if len(parts) == 1:
        return parts[0]
    total = torch.zeros_like(min(parts, key=len))
    for part in parts:
        total.index_add_(0, torch.arange(len(part), device=part.device) * len(total) // len(part), part)
    return total


def _latest(mean: Tensor, value: Tensor) -> Tensor:
    """The running mean with one more value, which is the first where the mean is 0."""
    return torch.where(mean == 0, value, mean.lerp(value, LATEST))
