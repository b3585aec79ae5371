"""Data brought to the device of the network."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from asr_prune.errors import UserError

#: bytes that are page-locked at once, a power of two, as torch's cache of such memory rounds up
SLICE = 1 << 26
#: slices that wait for their copy at most, each in page-locked memory of its own
_QUEUED = 2
#: of a GPU's free memory that features and labels may take; network and mini-batches have the rest
_SHARE = 0.8


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


def check_fits(wanted: int, device: torch.device) -> None:
    """Raises UserError if `wanted` bytes of features and labels leave too little of a GPU's memory.

    They are not put in chunks by themselves: what is free now would change the order of the frames.
    """
    if device.type != "cuda":
        return
    free = torch.cuda.mem_get_info(device)[0]
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    room = int(_SHARE * free)
    if wanted > room:
        raise UserError(
            f"features and labels would take {wanted / 1e9:.1f} GB of the {free / 1e9:.1f} GB that "
            "are free on the GPU, which leaves too little for the network; "
            f"set train.memory_gb={max(1, room // 10**8) / 10}, so that they come in chunks."
        )


def slices(values: Tensor, size: int = SLICE) -> tuple[Tensor, ...]:
    """`values` in their order, flat, in one slice or more of at most `size` bytes; if contiguous,
    views.
    """
    return values.flatten().split(size // values.element_size())
