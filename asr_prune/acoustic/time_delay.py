"""The time-delay network (Waibel et al. 1989; with sub-sampling, Peddinti, Povey and Khudanpur 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod
from operator import mul
from typing import Any, cast

import torch
from torch import Tensor, nn

from asr_prune.acoustic.network import Network, NodeLayer, by_rows, initialise


class TimeDelay(nn.Linear):
    """An affine map of some frames of the layer before: `y_t = b + sum_k W_k x_(stride * t + taps[k])`.

    weight: [rows, taps, columns], so that node j of the layer before has the outgoing vector `weight[..., j]` and row i
    the incoming vector `weight[i]`. At an utterance's edges its first or last frame is repeated, so that a constant
    stays one. rate: how often the map is evaluated, per frame of the features.
    """

    def __init__(self, columns: int, rows: int, taps: Sequence[int] = (0,), stride: int = 1, rate: float = 1.0) -> None:
        super().__init__(columns, rows)
        self.weight = nn.Parameter(self.weight.new_empty(rows, len(taps), columns))
        self.taps, self.stride, self.rate = tuple(taps), stride, rate

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:  # type: ignore[override]
        """frames: float [frames, columns] of utterances one after the other; lengths: of each, int64 [utterances].
        Returns float [frames out, rows].
        """
        if (self.taps, self.stride) != ((0,), 1):
            frames = frames[self.heard(lengths)].flatten(1)
        return nn.functional.linear(frames, by_rows(self.weight), self.bias)

    def heard(self, lengths: Tensor) -> Tensor:
        """Which frames each frame out is made of, int64 [frames out, taps]."""
        shorter = self.shorter(lengths)
        ends = lengths.cumsum(0)
        first = torch.repeat_interleave(ends - lengths, shorter)
        last = torch.repeat_interleave(ends - 1, shorter)
        place = torch.arange(len(first), device=lengths.device)
        place = place - torch.repeat_interleave(shorter.cumsum(0) - shorter, shorter)
        centre = first + self.stride * place
        rows = centre[:, None] + torch.tensor(self.taps, device=lengths.device)
        return torch.maximum(torch.minimum(rows, last[:, None]), first[:, None])

    def shorter(self, lengths: Tensor) -> Tensor:
        """Frames out of utterances of so many frames, int64 [utterances]."""
        return -(-lengths // self.stride)


class Tdnn(Network):
    """Time-delay layers one after the other, and an output layer without context.

    taps: for each hidden layer the frames of the layer before that it hears, relative to its own; strides: for each
    hidden layer, of how many frames of the layer before it keeps one.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        activation: str = "relu",
        dropout: float = 0.0,
        taps: Sequence[Sequence[int]] = ((0,),),
        strides: Sequence[int] = (1,),
    ) -> None:
        super().__init__(inputs, hidden, outputs, activation, dropout)
        self.taps, self.strides = _for_each(taps, len(hidden)), _for_each(strides, len(hidden))
        rates = [1 / by for by in accumulate(self.strides, mul)]
        shapes = zip(pairwise([inputs, *hidden]), self.taps, self.strides, rates, strict=True)
        self.hidden = nn.ModuleList(TimeDelay(a, b, *rest) for (a, b), *rest in shapes)
        self.output = TimeDelay(hidden[-1], outputs, rate=rates[-1])
        for layer in self.affine[:-1]:
            initialise(layer, activation)
        initialise(self.output, "none")

    @property
    def stride(self) -> int:
        return prod(self.strides)

    @property
    def delays(self) -> list[TimeDelay]:
        """The maps into the hidden layers."""
        return cast("list[TimeDelay]", list(self.hidden))

    @property
    def affine(self) -> list[nn.Linear]:
        return [*self.delays, self.output]

    def node_layers(self) -> list[NodeLayer]:
        return [NodeLayer(a, b, self.act, gives_logits=b is self.output) for a, b in pairwise(self.affine)]

    def shape(self) -> dict[str, Any]:
        return {
            "type": "tdnn",
            "inputs": self.inputs,
            "hidden": self.widths,
            "outputs": self.outputs,
            "activation": self.activation,
            "taps": [list(taps) for taps in self.taps],
            "strides": list(self.strides),
        }

    def of_utterances(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = self.normalised(frames)
        for i, layer in enumerate(self.delays):
            x = self.dropped(self.act(layer(x, lengths)), i)
            lengths = layer.shorter(lengths)
        return self.output(x, lengths), lengths

    def forward(self, frames: Tensor) -> Tensor:
        """frames: float [frames, inputs] of one utterance, spliced, not normalised. Returns logits [frames out,
        classes].
        """
        return self.of_utterances(frames, torch.tensor([len(frames)], device=frames.device))[0]


def _for_each(values: Sequence[Any], layers: int) -> list[Any]:
    """`values`, the last of them for all layers that have none."""
    return [values[min(i, len(values) - 1)] for i in range(layers)]
