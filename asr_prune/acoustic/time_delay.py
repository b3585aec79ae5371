"""The time-delay network (Waibel et al. 1989; with sub-sampling, Peddinti, Povey and Khudanpur
2015).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from math import prod
from operator import mul
from typing import Any, cast

import torch
from torch import Tensor, nn

from asr_prune.acoustic.chain import Chain
from asr_prune.acoustic.initialise import initialise
from asr_prune.acoustic.node_layer import by_rows


class TimeDelay(nn.Linear):
    """An affine map of several input frames: `y_t = b + sum_k W_k x_(stride * t + taps[k])`.

    weight: [rows, taps, columns]; node j of the previous layer has the outgoing vector `weight[...,
    j]`, row i the incoming vector `weight[i]`. At the edges of an utterance its first or last frame
    is repeated, so that a constant remains constant. rate: evaluations per feature frame.
    """

    def __init__(
        self,
        columns: int,
        rows: int,
        taps: Sequence[int] = (0,),
        stride: int = 1,
        rate: float = 1.0,
    ) -> None:
        super().__init__(columns, rows)
        self.weight = nn.Parameter(self.weight.new_empty(rows, len(taps), columns))
        self.taps, self.stride, self.rate = tuple(taps), stride, rate

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:  # type: ignore[override]
        """frames: float [frames, columns], utterances concatenated; lengths: of each, int64
        [utterances].

        Returns float [frames out, rows].
        """
        return nn.functional.linear(self.read(frames, lengths), by_rows(self.weight), self.bias)

    def read(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """The input frames of each output frame, joined; float [frames out, taps * columns]."""
        if (self.taps, self.stride) == ((0,), 1):
            return frames
        return frames[self.source_frames(lengths, len(frames))].flatten(1)

    def source_frames(self, lengths: Tensor, frames: int) -> Tensor:
        """Indices of the input frames of each output frame, int64 [frames out, taps]. frames: the
        sum of `lengths`.
        """
        first, last, centre = self._around(lengths, frames if self.stride == 1 else None)
        rows = torch.stack([centre + tap for tap in self.taps], 1)
        return torch.maximum(torch.minimum(rows, last[:, None]), first[:, None])

    def centres(self, lengths: Tensor) -> Tensor:
        """Index of the input frame at the time of each output frame, int64 [frames out]."""
        return self._around(lengths)[2]

    def _around(self, lengths: Tensor, frames: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The first and the last frame of each output frame's utterance, and its own. frames:
        output frames; None: they are read from the device.
        """
        counts = self.output_lengths(lengths)
        ends = lengths.cumsum(0)
        starts = counts.cumsum(0) - counts
        each = (ends - lengths, ends - 1, starts)
        first, last, start = (torch.repeat_interleave(x, counts, output_size=frames) for x in each)
        frame = torch.arange(len(first), device=lengths.device) - start
        return first, last, first + self.stride * frame

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Output frames of utterances of `lengths` input frames, int64 [utterances]."""
        return -(-lengths // self.stride)


class Tdnn(Chain):
    """Time-delay layers in sequence, and an output layer without context.

    taps: for each hidden layer the relative positions of the frames that it reads from the previous
    layer; strides: for each hidden layer the input frames per output frame. The last entry of each
    also applies to the layers after it.
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
        self.taps, self.strides = for_each(taps, len(hidden)), for_each(strides, len(hidden))
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
    def reach(self) -> tuple[int, int]:
        return reach_of(self.delays)

    @property
    def delays(self) -> list[TimeDelay]:
        """The maps to the hidden layers."""
        return cast("list[TimeDelay]", list(self.hidden))

    @property
    def maps(self) -> list[nn.Linear]:
        return [*self.delays, self.output]

    def shape(self) -> dict[str, Any]:
        return {
            "type": "tdnn",
            "inputs": self.inputs,
            "hidden": self.widths,
            "outputs": self.outputs,
            "activation": self.activation,
            "taps": [list(taps) for taps in self.taps],
            "strides": list(self.strides),
            **self.thinned(),
        }

    def forward_utterances(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = self.normalise(frames)
        for i, layer in enumerate(self.delays):
            x = self.apply_dropout(self.act(self.mapped(i, x, lengths)), i)
            lengths = layer.output_lengths(lengths)
        return self.mapped(len(self.delays), x, lengths), lengths

    def forward(self, frames: Tensor) -> Tensor:
        """frames: float [frames, inputs] of one utterance, spliced, not normalised.

        Returns logits [frames out, classes].
        """
        lengths = torch.tensor([len(frames)], device=frames.device)
        return self.forward_utterances(frames, lengths)[0]


def reach_of(layers: Iterable[TimeDelay]) -> tuple[int, int]:
    """Input frames that an output of successive layers reads before and after its own."""
    before = after = 0
    step = 1
    for layer in layers:
        before, after = before - step * min(0, *layer.taps), after + step * max(0, *layer.taps)
        step *= layer.stride
    return before, after


def for_each(values: Sequence[Any], layers: int) -> list[Any]:
    """One value per layer; the last of `values` also for the layers beyond."""
    return [values[min(i, len(values) - 1)] for i in range(layers)]
