"""The base class of acoustic networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from asr_prune.acoustic.distributed.dropout import dropout
from asr_prune.acoustic.node_layer import NodeLayer

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "sigmoid": torch.sigmoid}


class Network(nn.Module, ABC):
    """Spliced frames in, logits of classes out: pdfs, or tokens for CTC.

    inputs: size of one spliced frame, (left + 1 + right) * feature dimension; hidden: nodes of each
    layer; outputs: number of classes; dropouts: of each hidden layer, may change in training; shift,
    scale: input normalisation, (x - shift) * scale, of the coefficients that are read; selection:
    their indices in the spliced frame, int64, None if all are read; expansions: for each of `maps`
    that is factored into two, by its number, the second; narrows_inputs: whether coefficients that
    nothing reads can be left out.
    """

    narrows_inputs = True
    output: nn.Linear
    shift: Tensor
    scale: Tensor
    selection: Tensor | None

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int, activation: str, dropout: float) -> None:
        super().__init__()
        self.inputs, self.outputs, self.activation = inputs, outputs, activation
        self.dropouts = [dropout] * len(hidden)
        self.shift = nn.Buffer(torch.zeros(inputs))
        self.scale = nn.Buffer(torch.ones(inputs))
        self.register_buffer("selection", None, persistent=False)
        self.expansions = nn.ModuleDict()

    @property
    @abstractmethod
    def affine(self) -> list[nn.Linear]:
        """All affine maps, from input to output."""

    @abstractmethod
    def node_layers(self) -> list[NodeLayer]:
        """The prunable layers, first to last."""

    @abstractmethod
    def shape(self) -> dict[str, Any]:
        """Plain values from which `architectures.from_shape` builds the same shape."""

    @property
    @abstractmethod
    def maps(self) -> list[nn.Linear]:
        """The affine maps that can be factored, in order; the output layer is the last."""

    def factors(self, number: int) -> list[nn.Linear]:
        """Map `number` of `maps`, one or two."""
        first, key = self.maps[number], str(number)
        return [first, cast("nn.Linear", self.expansions[key])] if key in self.expansions else [first]

    @property
    def ranks(self) -> dict[str, int]:
        """The rank of each map that is factored, by its number in `maps`."""
        return {key: cast("nn.Linear", second).in_features for key, second in self.expansions.items()}

    def thinned(self) -> dict[str, Any]:
        """What `shape` says of selected inputs (columns) and of factored maps (ranks)."""
        read = {} if self.selection is None else {"columns": self.selection.tolist()}
        return read | ({"ranks": self.ranks} if self.expansions else {})

    @property
    def widths(self) -> list[int]:
        """Nodes of each hidden layer."""
        return [layer.size for layer in self.node_layers()]

    @property
    def stride(self) -> int:
        """Feature frames per output frame."""
        return 1

    @property
    def reach(self) -> tuple[int, int]:
        """Spliced frames that an output reads before and after its own."""
        return 0, 0

    def constrain(self, step: int) -> None:
        """Brings weights back to what the network requires of them; called after update `step`."""

    @property
    def act(self) -> Callable[[Tensor], Tensor]:
        return ACTIVATIONS[self.activation]

    def set_normalisation(self, mean: Tensor, deviation: Tensor) -> None:
        """Normalises the input to zero mean and unit variance; mean, deviation: [inputs]."""
        self.shift.copy_(mean)
        self.scale.copy_(1 / deviation.clamp_min(1e-5))

    def read_only(self, index: Tensor) -> None:
        """Reads only some of the coefficients that it reads now. index: int64 [coefficients]."""
        self.selection = index if self.selection is None else self.selection[index]
        self.shift, self.scale = self.shift[index], self.scale[index]

    def mapped(self, number: int, x: Tensor, *lengths: Tensor) -> Tensor:
        """`x` through map `number` of `maps`, [frames, rows]."""
        first, *second = self.factors(number)
        y: Tensor = first(x, *lengths)
        return second[0](y) if second else y

    def forward_utterances(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [frames out, classes], and frames out of each utterance, int64 [utterances].

        frames: float [frames, inputs], the utterances concatenated; lengths: frames of each, int64
        [utterances].
        """
        return self(frames), lengths

    def normalise(self, frames: Tensor) -> Tensor:
        """The input of the first layer, [batch, coefficients that are read]."""
        read = frames if self.selection is None else frames[:, self.selection]
        return (read - self.shift) * self.scale

    def apply_dropout(self, outputs: Tensor, layer: int) -> Tensor:
        """Outputs of hidden layer number `layer`, [batch, nodes], with dropout in training."""
        rate = self.dropouts[layer]
        return dropout(outputs, rate) if self.training and rate else outputs


@dataclass(frozen=True)
class Size:
    """nodes: of each hidden layer; params: weights and biases; macs: multiply-adds per frame;
    nonzero: nonzero weights; inputs: coefficients of the spliced frame that are read; output_rank:
    of a factored output layer, else None.
    """

    nodes: list[int]
    params: int
    macs: int
    nonzero: int
    inputs: int
    output_rank: int | None


def size_of(network: Network) -> Size:
    """The size of `network` without its input normalisation."""
    weights = [layer.weight.detach() for layer in network.affine]
    params = sum(parameter.numel() for layer in network.affine for parameter in layer.parameters())
    macs = sum(layer.weight.numel() * rate_of(layer) for layer in network.affine)
    nonzero = sum(int(w.count_nonzero()) for w in weights)
    rank = network.ranks.get(str(len(network.maps) - 1))
    return Size(network.widths, params, round(macs), nonzero, len(network.shift), rank)


def rate_of(layer: nn.Linear) -> float:
    """Evaluations of a map per feature frame."""
    return float(getattr(layer, "rate", 1.0))


def rows_read(layer: nn.Module, x: Tensor, *lengths: Tensor) -> Tensor:
    """What an affine map multiplies its weight with, [frames out, columns], given its inputs."""
    return layer.read(x, *lengths) if hasattr(layer, "read") else x  # type: ignore[operator]
