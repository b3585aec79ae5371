"""Data brought to the device of the network."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

#: bytes that are page-locked at once, a power of two, as torch's cache of such memory rounds up
SLICE = 1 << 26
#: slices that wait for their copy at most, each in page-locked memory of its own
_QUEUED = 2


def to_device(values: Tensor, device: torch.device | str) -> Tensor:
    """`values`, of the CPU, on `device`.

    To a GPU they go in slices through page-locked memory, on a stream of their own: a thread that
    reads ahead copies while the network computes. The current stream waits for the last slice.
    """
    device = torch.device(device)
    if device.type != "cuda":
        return values.to(device)
    stream, user = _copying(torch.empty(0, device=device).device), torch.cuda.current_stream(device)
    with torch.cuda.stream(stream):
        copy = torch.empty(values.shape, dtype=values.dtype, device=device)
        user.wait_event(_fill(copy, values, stream))
    copy.record_stream(user)  # its memory is not reused while the network may still read it
    return copy


@cache
def _copying(device: torch.device) -> torch.cuda.Stream:
    """The one stream for copies to a device: freed memory is used again on its own stream only."""
    return torch.cuda.Stream(device)


def _fill(copy: Tensor, values: Tensor, stream: torch.cuda.Stream) -> torch.cuda.Event:
    """Queues the copies on the current stream, `stream`; returns the event of the last."""
    done: list[torch.cuda.Event] = []
    for to, part in zip(slices(copy), slices(values), strict=True):
        if len(done) >= _QUEUED:
            done[-_QUEUED].synchronize()  # torch hands out the memory of that slice again
        to.copy_(part.pin_memory(), non_blocking=True)
        done.append(stream.record_event())
    return done[-1]


def slices(values: Tensor, size: int = SLICE) -> tuple[Tensor, ...]:
    """`values` in their order, flat, in one slice or more of at most `size` bytes; if contiguous,
    views.
    """
    return values.flatten().split(size // values.element_size())
