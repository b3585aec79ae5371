"""The activity of nodes on data: how often each is on, and its mean output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.pruning.watching import watch_while

_LN_2 = 0.6931471805599453


@dataclass(frozen=True)
class Activity:
    """on: fraction of the frames on which a node is on; mean: its mean output; both float64
    [nodes]. Of gated nodes the mean is float64 [maps, nodes], of what each of `NodeLayer.reading`
    reads, over all frames that it joins.

    A node is on if its input, bias included, is above 0: if a ReLU gives more than 0, a sigmoid
    more than 0.5.
    """

    on: Tensor
    mean: Tensor

    def entropy(self) -> Tensor:
        """Of whether a node is on, in bits: 0 if it always or never is, 1 if it is on for half of
        the frames; [nodes].
        """
        return (
            sum(
                (-torch.special.xlogy(p, p) for p in (self.on, 1 - self.on)),
                torch.zeros_like(self.on),
            )
            / _LN_2
        )


class _Watch:
    """A forward hook on a layer's incoming map that sums up the activity of its nodes."""

    def __init__(self, layer: NodeLayer) -> None:
        self.activation, self.frames = layer.activation, 0
        self.on, self.output = (torch.zeros_like(layer.incoming.bias.detach(), dtype=torch.float64) for _ in range(2))

    @torch.no_grad()
    def __call__(self, module: nn.Module, inputs: Any, outputs: Tensor) -> None:
        into = outputs.flatten(0, -2)
        self.frames += len(into)
        self.on += (into > 0).sum(0)
        self.output += self.activation(into).sum(0, dtype=torch.float64)

    def result(self) -> Activity:
        return Activity(self.on / max(1, self.frames), self.output / max(1, self.frames))


class _Reading:
    """A forward hook on a map that sums up what it reads."""

    def __init__(self, columns: Tensor) -> None:
        self.total, self.frames = torch.zeros_like(columns, dtype=torch.float64), 0

    @torch.no_grad()
    def __call__(self, module: nn.Module, inputs: Any, outputs: Tensor) -> None:
        values = inputs[0].flatten(0, -2)
        self.frames += len(values)
        self.total += values.sum(0, dtype=torch.float64)

    def mean(self) -> Tensor:
        return self.total / max(1, self.frames)


def activity(layers: Sequence[NodeLayer], run_over: Callable[[], object]) -> list[Activity]:
    """The activity of each layer's nodes on the frames that `run_over` passes through the
    network.
    """
    watches = [_Watch(layer) for layer in layers]
    read = [[(each, _Reading(layer.incoming.bias.detach())) for each in layer.reading()] for layer in layers]
    readers = [pair for pairs in read for pair in pairs]
    maps = [*(layer.incoming for layer in layers), *(each for each, _ in readers)]
    watch_while(maps, [*watches, *(reading for _, reading in readers)], run_over)
    return [_with_means(watch.result(), pairs) for watch, pairs in zip(watches, read, strict=True)]


def _with_means(found: Activity, read: Sequence[tuple[nn.Module, _Reading]]) -> Activity:
    return replace(found, mean=torch.stack([reading.mean() for _, reading in read])) if read else found
