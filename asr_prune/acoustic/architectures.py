"""The network types of `network.type`."""

from __future__ import annotations

from typing import Any

import torch

from asr_prune.acoustic.factored import TdnnF
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.acoustic.imported import checked_network
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.acoustic.residual import Residual
from asr_prune.acoustic.thin import factor_map, select_inputs
from asr_prune.acoustic.time_delay import Tdnn


def make(options: NetworkOptions, inputs: int, outputs: int) -> Network:
    """A new network, initialised from torch's random stream; of type nnet3, that of the model.

    inputs: size of a spliced frame; outputs: number of classes.
    """
    shape = inputs, options.hidden, outputs, options.activation, options.dropout
    if options.type == "residual":
        return Residual(*shape, options.stream)
    if options.type == "nnet3":
        return checked_network(options, inputs, outputs)
    if options.type == "tdnn":
        return Tdnn(*shape, options.context, options.strides)
    if options.type == "tdnnf":
        return TdnnF(*shape, options.context, options.strides, options.bypass)
    return FeedForward(*shape)


def from_shape(shape: dict[str, Any]) -> Network:
    """A network of the shape that `Network.shape` returned; its weights are arbitrary.

    Raises KeyError, TypeError or ValueError if `shape` is not valid.
    """
    types: dict[str, type[Network]] = {
        "feed_forward": FeedForward,
        "residual": Residual,
        "tdnn": Tdnn,
        "tdnnf": TdnnF,
        "nnet3": GraphNetwork,
    }
    thin = "columns", "ranks"
    plain = {key: value for key, value in shape.items() if key not in ("type", *thin)}
    network = types[shape["type"]](**plain)
    if "columns" in shape:
        columns = torch.tensor(shape["columns"], dtype=torch.int64, device="cpu")
        if not 0 < len(columns) <= int(columns.max()) + 1 <= network.inputs or int(columns.min()) < 0:
            raise ValueError(f"{len(columns)} columns are not all of {network.inputs} inputs")
        select_inputs(network, columns.to(network.shift.device))
        network.selection = columns
    for key, rank in shape.get("ranks", {}).items():
        rows = network.maps[range(len(network.maps))[int(key)]].out_features
        factor_map(network, int(key), torch.zeros(rows, rank))
    return network
