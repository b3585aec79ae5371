"""Looking at what the maps of layers give while frames pass through a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from asr_prune.acoustic.node_layer import NodeLayer

#: a forward hook: gets the map, its inputs and its output
Watch = Callable[[nn.Module, Any, Any], None]


def watch_while(layers: Sequence[NodeLayer], watches: Sequence[Watch], run_over: Callable[[], object]) -> None:
    """Lets each of `watches` see the output of a layer's incoming map while `run_over` passes frames
    through the network.
    """
    pairs = zip(layers, watches, strict=True)
    handles = [layer.incoming.register_forward_hook(watch) for layer, watch in pairs]
    try:
        run_over()
    finally:
        for handle in handles:
            handle.remove()
