"""Bernoulli gates on nodes and on whole layers: sampled for each mini-batch, moved by projected
gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.nodes import Nodes, narrowed
from asr_prune.pruning.parts import NodeScore
from asr_prune.pruning.reading import read


class Gates:
    """The probabilities theta of all gates, and the sampled gates.

    nodes: theta of each node's gate, float [nodes] a layer; layers: theta of the layers' gates,
    [layers], 1 for those that the network cannot do without. A gate whose theta has been
    at most `tolerance` for `patience` updates is permanently off.
    """

    def __init__(self, layers: Sequence[NodeLayer], theta: float, tolerance: float, patience: int) -> None:
        self.tolerance, self.patience = tolerance, patience
        self.sizes = [layer.size for layer in layers]
        self.nodes = [torch.full_like(layer.incoming.bias.detach(), theta) for layer in layers]
        self.skippable = self.nodes[0].new_tensor([layer.skippable for layer in layers]).bool()
        self.layers = torch.where(self.skippable, theta, torch.ones_like(self.skippable, dtype=self.nodes[0].dtype))
        self.drawn = [torch.ones_like(theta) for theta in self.nodes]
        self.drawn_layers = torch.ones_like(self.layers)
        self.low_for = [torch.zeros_like(theta) for theta in self.nodes]
        self.layers_low_for = torch.zeros_like(self.layers)
        self.quiet = 0  # updates in which no gate can become permanently off

    def probabilities(self) -> list[Tensor]:
        """The probability that a node acts, that is, that its gate and its layer's are 1; [nodes] a
        layer.
        """
        return [theta * whole for theta, whole in zip(self.nodes, self.layers, strict=True)]

    def counts(self) -> Tensor:
        """Expected nodes of each layer, [layers]."""
        return torch.stack([p.sum() for p in self.probabilities()])

    def draw(self, index: Sequence[Tensor]) -> None:
        """Samples the gates of a mini-batch.

        index: the remaining nodes of the dense network, int64 [nodes] a layer; the random number of
        a node does not depend on which others remain.
        """
        chance = torch.rand(sum(self.sizes) + len(self.sizes), device=self.layers.device).to(self.layers)
        *nodes, layers = chance.split([*self.sizes, len(self.sizes)])
        self.drawn_layers = (layers < self.layers).to(self.layers)
        triples = zip(nodes, index, self.nodes, strict=True)
        self.drawn = [(c[i] < theta).to(theta) for c, i, theta in triples]

    def factors(self) -> list[Tensor]:
        """The factors of the sampled gates on the nodes' outputs, [nodes] a layer."""
        return [gate * whole for gate, whole in zip(self.drawn, self.drawn_layers, strict=True)]

    def move(self, nodes: Sequence[Tensor], layers: Tensor) -> None:
        """`theta <- clip(theta - step, 0, 1)`. nodes: steps of the nodes' gates, [nodes] a layer;
        layers: [layers].
        """
        pairs = zip(self.nodes, nodes, strict=True)
        self.nodes = [(theta - step).clamp_(0, 1) for theta, step in pairs]
        self.layers = torch.where(self.skippable, (self.layers - layers).clamp(0, 1), self.layers)
        both = zip(self.low_for, self.nodes, strict=True)
        self.low_for = [self._longer(low, theta) for low, theta in both]
        self.layers_low_for = self._longer(self.layers_low_for, self.layers)
        self.quiet -= 1

    def some_off(self) -> bool:
        """Whether a gate is permanently off, by itself or by its layer's; asks the device only when
        the gate that has waited the longest can have waited long enough.
        """
        if self.quiet > 0:
            return False
        longest = max(read(low.max() for low in (*self.low_for, self.layers_low_for) if len(low)))
        self.quiet = math.ceil(self.patience - longest)
        return longest >= self.patience

    def _longer(self, low: Tensor, theta: Tensor) -> Tensor:
        return torch.where(theta <= self.tolerance, low + 1, 0)

    def off(self) -> list[Tensor]:
        """Nodes that are permanently off, by their own gate or their layer's; boolean [nodes] a
        layer.
        """
        whole = self.layers_low_for >= self.patience
        return [(low >= self.patience) | gone for low, gone in zip(self.low_for, whole, strict=True)]

    def undecided(self) -> Tensor:
        """The number of gates that are neither 0 nor 1, of nodes that are not off and of layers
        that have such nodes; [].
        """
        between = [((theta > 0) & (theta < 1) & ~off) for theta, off in zip(self.nodes, self.off(), strict=True)]
        whole = (self.layers > 0) & (self.layers < 1) & (self.counts() > 0)
        return sum((b.sum() for b in between), whole.sum())

    def narrow(self, kept: Sequence[Tensor]) -> None:
        """Only the nodes in `kept` remain, boolean [nodes] a layer."""
        for name in ("nodes", "drawn", "low_for"):
            setattr(
                self,
                name,
                [value[mask] for value, mask in zip(getattr(self, name), kept, strict=True)],
            )

    NAMES = ("nodes", "layers", "drawn", "drawn_layers", "low_for", "layers_low_for")

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.NAMES}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in self.NAMES:
            setattr(self, name, state[name])
        self.quiet = 0


class GateScore(NodeScore):
    """The probability with which each node acts.

    saliency: running means of CE(0) - CE(1) of the nodes' gates, float [nodes] a layer; of_layers:
    of the layers' gates, [layers].
    """

    def __init__(self, nodes: Nodes, gates: Gates) -> None:
        super().__init__(nodes)
        self.gates = gates
        self.saliency = [torch.zeros_like(theta) for theta in gates.nodes]
        self.of_layers = torch.zeros_like(gates.layers)

    def scores(self) -> list[Tensor]:
        return self.gates.probabilities()

    def ranking(self) -> list[Tensor]:
        """Nodes of equal probability are ranked by saliency."""
        most = max(float(w.abs().max()) if len(w) else 0.0 for w in self.saliency)
        pairs = zip(self.scores(), self.saliency, strict=True)
        return [p + 1e-3 * w / max(most, 1e-30) for p, w in pairs]

    def alive(self) -> list[Tensor]:
        return [p > 0.5 for p in self.scores()]

    def narrow(self, kept: Sequence[Tensor]) -> None:
        self.saliency = narrowed(self.saliency, kept)

    def state_dict(self) -> dict[str, Any]:
        return {"worth": self.saliency, "layers_worth": self.of_layers}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.saliency, self.of_layers = state["worth"], state["layers_worth"]
