"""Scores of nodes by the size of their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.batches import LayerBatch, as_groups, batches, of_layers
from asr_prune.pruning.nodes import Nodes, narrowed
from asr_prune.pruning.parts import NodeScore


class NormScore(NodeScore):
    """Euclidean norms of the `outgoing` or `incoming` vectors, or sums of their magnitudes (l1).

    tolerance: a norm at or below this fraction of the layer's largest counts as zero; None: only 0
    does.
    """

    def __init__(
        self,
        nodes: Nodes,
        vectors: str = "outgoing",
        tolerance: float | None = None,
        l1: bool = False,
    ) -> None:
        super().__init__(nodes)
        self.vectors, self.tolerance, self.l1 = vectors, tolerance, l1

    @property
    def folds(self) -> bool:
        return self.vectors == "incoming"

    @property
    def dim(self) -> int:
        """The axis along which a vector lies in its matrix, see `as_groups`."""
        return 0 if self.vectors == "outgoing" else 1

    def scores(self) -> list[Tensor]:
        return [layer.magnitudes(self.vectors) if self.l1 else layer.norms(self.vectors) for layer in self.nodes.layers]

    def alive(self) -> list[Tensor]:
        if self.tolerance is None:
            return super().alive()
        return [norms > self.tolerance * norms.max() for norms in self.scores()]


class PenalisedScore(NormScore):
    """Norms of vectors that a proximal penalty shrinks.

    means: of the norms of each layer when the sparsify phase began; roots: norms after the last
    proximal step, float [nodes] a layer, by which exact zeros are recognised (between two steps
    noise moves them); empty before `start`, and unused with `tolerance`.
    """

    def __init__(
        self,
        nodes: Nodes,
        vectors: str,
        tolerance: float | None = None,
        l1: bool = False,
    ) -> None:
        super().__init__(nodes, vectors, tolerance, l1)
        self.means = [1.0] * len(nodes.layers)
        self.roots: list[Tensor] = []

    def scores(self) -> list[Tensor]:
        weights = [weight.detach() for weight in self.nodes.vectors(self.vectors)]
        done = ((batch, self._norms(batch, weights)) for batch in batches(weights, self.dim))
        return of_layers(done, [layer.size for layer in self.nodes.layers])

    def _norms(self, batch: LayerBatch, weights: Sequence[Tensor]) -> Tensor:
        vectors = as_groups(batch.matrix(batch.own(weights)), batch.dim)
        return vectors.abs().sum(batch.dim) if self.l1 else vectors.square().sum(batch.dim).sqrt()

    def ranking(self) -> list[Tensor]:
        """Norms over `means`; dividing by the present mean would favour the nodes of a nearly empty
        layer.
        """
        pairs = zip(self.scores(), self.means, strict=True)
        return [norms / max(mean, 1e-30) for norms, mean in pairs]

    def alive(self) -> list[Tensor]:
        if self.tolerance is not None:
            return super().alive()
        norms = self.scores()
        return [(n > 0) & (root > 0) for n, root in zip(norms, self.roots or norms, strict=True)]

    def narrow(self, kept: Sequence[Tensor]) -> None:
        self.roots = narrowed(self.roots, kept)

    def state_dict(self) -> dict[str, Any]:
        return {"means": self.means, "roots": self.roots}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.means, self.roots = state["means"], state["roots"]


class WeightScores(NodeScore):
    """`node_scores` of kind `score`."""

    def __init__(self, nodes: Nodes, score: str) -> None:
        super().__init__(nodes)
        self.score = score

    @property
    def folds(self) -> bool:
        return self.score == "inorm"

    def scores(self) -> list[Tensor]:
        return node_scores(self.nodes.layers, self.score)


def node_scores(
    layers: Sequence[NodeLayer],
    score: str,
    living: Sequence[Tensor] | None = None,
) -> list[Tensor]:
    """Node scores of He et al. 2014 and the product of norms (ours); float [nodes] a layer.

    onorm: mean |outgoing|; inorm: mean |incoming|; product: ||incoming|| * ||outgoing||; auto:
    product for ReLU, onorm for others. Each is divided by its layer's mean (ours) so that layers
    are comparable. living: boolean [nodes] a layer, the nodes over which the mean is taken; None
    for all.
    """
    raw = [_raw(layer, score) for layer in layers]
    return [over_mean(s, None if living is None else living[i]) for i, s in enumerate(raw)]


def over_mean(scores: Tensor, living: Tensor | None = None) -> Tensor:
    """Scores over the mean of those that are `living` (all if None), [nodes]."""
    counted = scores if living is None else scores[living]
    return scores / counted.mean().clamp_min(1e-20)


def node_norms(layers: Sequence[NodeLayer]) -> list[Tensor]:
    """Norms that rank nodes to mask, float [nodes] a layer.

    ||incoming|| * ||outgoing|| for ReLU, which rescaling a node does not change; ||outgoing|| for
    others.
    """
    return [layer.norms("product" if layer.activation is torch.relu else "outgoing") for layer in layers]


def _raw(layer: NodeLayer, score: str) -> Tensor:
    if score == "auto":
        score = "product" if layer.activation is torch.relu else "onorm"
    if score == "product":
        return layer.norms("product")
    return layer.magnitudes("outgoing" if score == "onorm" else "incoming")
