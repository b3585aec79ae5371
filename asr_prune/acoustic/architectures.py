"""The networks there are, by the name that a recipe's `network.type` gives."""

from __future__ import annotations

from typing import Any

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.acoustic.residual import Residual
from asr_prune.acoustic.time_delay import Tdnn


def make(options: NetworkOptions, inputs: int, outputs: int) -> Network:
    """A fresh network, drawn from torch's random stream. inputs: values of a spliced frame; outputs: classes."""
    if options.type == "residual":
        return Residual(inputs, options.hidden, outputs, options.activation, options.dropout, options.stream)
    if options.type == "tdnn":
        time = options.context, options.strides
        return Tdnn(inputs, options.hidden, outputs, options.activation, options.dropout, *time)
    return FeedForward(inputs, options.hidden, outputs, options.activation, options.dropout)


def from_shape(shape: dict[str, Any]) -> Network:
    """A network of the shape that `Network.shape` told, its weights meaningless.

    Raises KeyError or TypeError where `shape` is none.
    """
    known: dict[str, type[Network]] = {"feed_forward": FeedForward, "residual": Residual, "tdnn": Tdnn}
    return known[shape["type"]](**{key: value for key, value in shape.items() if key != "type"})
