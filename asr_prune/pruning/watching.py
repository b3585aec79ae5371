"""Looking at what maps read and give while frames pass through a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

#: a forward hook: gets the map, its inputs and its output
Watch = Callable[[nn.Module, Any, Any], None]


def watch_while(maps: Sequence[nn.Module], watches: Sequence[Watch], run_over: Callable[[], object]) -> None:
    """Lets each of `watches` see its map, of `maps`, while `run_over` passes frames through the network."""
    handles = [each.register_forward_hook(watch) for each, watch in zip(maps, watches, strict=True)]
    try:
        run_over()
    finally:
        for handle in handles:
            handle.remove()
