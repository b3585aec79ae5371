"""The factored time-delay network (Povey et al. 2018, "Semi-orthogonal low-rank matrix
factorization for deep neural networks", Interspeech).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from operator import mul
from typing import Any, cast

import torch
from torch import Tensor, nn

from asr_prune.acoustic.distributed.batch_moments import moments
from asr_prune.acoustic.group_gates import Gate
from asr_prune.acoustic.initialise import initialise
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.node_layer import Along, NodeLayer, unchanged
from asr_prune.acoustic.semi_orthogonal import make_semi_orthogonal
from asr_prune.acoustic.sized import SizedByWeight
from asr_prune.acoustic.tied import TiedLayer
from asr_prune.acoustic.time_delay import TimeDelay, for_each, reach_of

#: every how many updates the first factors are brought nearer to semi-orthogonal, as in Kaldi
_EVERY = 4


class FactoredMap(SizedByWeight, TimeDelay):
    """A time-delay map whose weight says how many rows and columns it has. constrained: whether
    it is kept semi-orthogonal.
    """

    constrained = True


class Bottleneck(NodeLayer):
    """The nodes between B and A, linear; B is no longer constrained once they are turned."""

    def release(self) -> None:
        cast("FactoredMap", self.incoming).constrained = False


class BatchNorm(nn.Module):
    """`(x - mean) / deviation` of each value: of the batch in training, whose moving averages are
    used otherwise (Ioffe and Szegedy 2015; as Kaldi's, without scale and offset).
    """

    def __init__(self, size: int, momentum: float = 0.05, epsilon: float = 1e-3) -> None:
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        self.mean = nn.Parameter(torch.zeros(size), requires_grad=False)
        self.variance = nn.Parameter(torch.ones(size), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return (x - self.mean) * (self.variance + self.epsilon).rsqrt()
        x = x.to(self.mean)
        variance, mean = moments(x)
        with torch.no_grad():
            self.mean.lerp_(mean, self.momentum)
            self.variance.lerp_(variance, self.momentum)
        return (x - mean) * (variance + self.epsilon).rsqrt()


class TdnnF(Network):
    """`h_0 = f_0(P x)`, then `h_l = bypass * h_{l-1} + f_l(A_l B_l h_{l-1})`, then the output
    layer; f is the activation function, batch normalisation and a gate for each value that all f
    share.

    hidden: the width of all h, then the rows of each B, the bottlenecks. B reads the frames of
    `taps` up to 0, A those from 0 on. B is kept semi-orthogonal, up to a factor; its bias, which
    Kaldi's has not, takes up constants of removed nodes. taps, strides: as of `Tdnn`, first of P.
    A layer without bottleneck nodes adds a constant.
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
        bypass: float = 0.66,
    ) -> None:
        super().__init__(inputs, hidden, outputs, activation, dropout)
        width, *bottlenecks = hidden
        self.taps, self.strides = for_each(taps, len(hidden)), for_each(strides, len(hidden))
        self.bypass = bypass
        rates = [1 / by for by in accumulate(self.strides, mul)]
        self.input = FactoredMap(inputs, width, self.taps[0], self.strides[0], rates[0])
        rest = list(zip(bottlenecks, self.taps[1:], self.strides[1:], rates[1:], strict=True))
        self.first = nn.ModuleList(FactoredMap(width, n, _up_to(t), by, rate) for n, t, by, rate in rest)
        self.second = nn.ModuleList(FactoredMap(n, width, _from(t), 1, rate) for n, t, _, rate in rest)
        self.output = FactoredMap(width, outputs, rate=rates[-1])
        self.norms = nn.ModuleList(BatchNorm(width) for _ in hidden)
        self.gates = nn.ModuleList([Gate(width, True), Gate(width, False)])
        for layer in self.affine:
            initialise(layer, "none")
        for layer in (self.input, *(second for _, second in self.pairs)):
            initialise(layer, activation)

    @property
    def pairs(self) -> list[tuple[FactoredMap, FactoredMap]]:
        """(B, A) of each layer."""
        return cast("list[tuple[FactoredMap, FactoredMap]]", list(zip(self.first, self.second, strict=True)))

    @property
    def affine(self) -> list[nn.Linear]:
        return [self.input, *(layer for pair in self.pairs for layer in pair), *self.factors(0)]

    @property
    def maps(self) -> list[nn.Linear]:
        return [self.output]

    @property
    def stride(self) -> int:
        return prod(self.strides)

    @property
    def reach(self) -> tuple[int, int]:
        return reach_of([self.input, *(layer for pair in self.pairs for layer in pair)])

    @property
    def gate(self) -> tuple[Gate, Gate]:
        return cast("tuple[Gate, Gate]", tuple(self.gates))

    def node_layers(self) -> list[NodeLayer]:
        every = tuple(self.affine)
        bottlenecks = [Bottleneck(b, a, unchanged, feeders=every, skippable=True) for b, a in self.pairs]
        makers = [self.input, *(second for _, second in self.pairs)]
        along: list[Along] = [(maker, name, 0) for maker in makers for name in ("weight", "bias")]
        along += [(reader, "weight", -1) for reader in (*(first for first, _ in self.pairs), self.factors(0)[0])]
        along += [(norm, name, 0) for norm in self.norms for name in ("mean", "variance")]
        tied = TiedLayer(*self.gate, unchanged, feeders=every, gives_logits=True, along=tuple(along))
        return [tied, *bottlenecks]

    def shape(self) -> dict[str, Any]:
        return {
            "type": "tdnnf",
            "inputs": self.inputs,
            "hidden": self.widths,
            "outputs": self.outputs,
            "activation": self.activation,
            "taps": [list(taps) for taps in self.taps],
            "strides": list(self.strides),
            "bypass": self.bypass,
            **self.thinned(),
        }

    def scale_and_offset(self, layer: int) -> tuple[Tensor, Tensor]:
        """What follows the activation function of layer 0 (that of the input) or more, outside of
        training: `scale * x + offset`, float [width] each, the gate included.
        """
        norm = cast("BatchNorm", self.norms[layer])
        scale = (norm.variance + norm.epsilon).rsqrt() * self.gate[0].weight.flatten() * self.gate[1].weight.flatten()
        return scale.detach(), (-norm.mean * scale).detach()

    def _added(self, layer: int, x: Tensor) -> Tensor:
        first, second = self.gate
        return self.apply_dropout(second(first(self.norms[layer](self.act(x)))), 0)

    def forward_utterances(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        h = self._added(0, self.input(self.normalise(frames), lengths))
        lengths = self.input.output_lengths(lengths)
        for i, (first, second) in enumerate(self.pairs, 1):
            kept = h if first.stride == 1 else h[first.centres(lengths)]
            bottleneck, lengths = first(h, lengths), first.output_lengths(lengths)
            h = self.bypass * kept + self._added(i, second(bottleneck, lengths))
        return self.mapped(0, h, lengths), lengths

    def forward(self, frames: Tensor) -> Tensor:
        """frames: float [frames, inputs] of one utterance, spliced, not normalised.

        Returns logits [frames out, classes].
        """
        lengths = torch.tensor([len(frames)], device=frames.device)
        return self.forward_utterances(frames, lengths)[0]

    def constrain(self, step: int) -> None:
        if step % _EVERY == 0:
            for first, _ in self.pairs:
                if first.constrained:
                    make_semi_orthogonal(first.weight)


def _up_to(taps: Sequence[int]) -> tuple[int, ...]:
    """Those that a bottleneck reads."""
    return tuple(tap for tap in taps if tap <= 0) or (0,)


def _from(taps: Sequence[int]) -> tuple[int, ...]:
    """Those that the map after a bottleneck reads."""
    return tuple(tap for tap in taps if tap >= 0) or (0,)
