"""The network types of `network.type`."""

from __future__ import annotations

from typing import Any

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.acoustic.residual import Residual
from asr_prune.acoustic.time_delay import Tdnn


def make(options: NetworkOptions, inputs: int, outputs: int) -> Network:
    """A new network, initialised from torch's random stream.

    inputs: size of a spliced frame; outputs: number of classes.
    """
    shape = inputs, options.hidden, outputs, options.activation, options.dropout
    if options.type == "residual":
        return Residual(*shape, options.stream)
    if options.type == "tdnn":
        return Tdnn(*shape, options.context, options.strides)
    return FeedForward(*shape)


def from_shape(shape: dict[str, Any]) -> Network:
    """A network of the shape that `Network.shape` returned; its weights are arbitrary.

    Raises KeyError or TypeError if `shape` is not valid.
    """
    types: dict[str, type[Network]] = {
        "feed_forward": FeedForward,
        "residual": Residual,
        "tdnn": Tdnn,
    }
    return types[shape["type"]](**{key: value for key, value in shape.items() if key != "type"})
