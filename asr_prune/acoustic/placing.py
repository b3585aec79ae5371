"""Data brought to the device of the network."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor

from asr_prune.errors import UserError

log = logging.getLogger(__name__)

#: bytes that are page-locked at once, a power of two, as torch's cache of such memory rounds up
SLICE = 1 << 26
#: slices that wait for their copy at most, each in page-locked memory of its own
_QUEUED = 2
#: of a GPU's free memory that features and labels may take without a word; network and mini-batches
#: have the rest
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


def state_on(device: torch.device, state: Any) -> Any:
    """`state` with all tensors in it, also those in its dictionaries, lists and tuples, on `device`."""
    if isinstance(state, Tensor):
        return state.to(device)
    if isinstance(state, dict):
        return {key: state_on(device, value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(state_on(device, value) for value in state)
    return state


def check_fits(wanted: int, device: torch.device) -> None:
    """Raises UserError if a GPU does not have `wanted` bytes for features and labels, and warns if
    they leave little of its memory.

    They are not put in chunks by themselves: what is free now would change the order of the frames.
    """
    if device.type != "cuda":
        return
    free = torch.cuda.mem_get_info(device)[0]
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if wanted <= (room := int(_SHARE * free)):
        return
    take = f"take {wanted / 1e9:.1f} GB of the {free / 1e9:.1f} GB that are free on the GPU"
    setting = f"train.memory_gb={max(1, room // 10**8) / 10}, so that they come in chunks"
    if wanted > free:
        raise UserError(f"features and labels would {take}; set {setting}.")
    log.warning("features and labels %s; if the network finds too little, set %s", take, setting)


@contextmanager
def gpu_memory() -> Iterator[None]:
    """Raises UserError, with what to set, if a GPU has too little memory for the block."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        cause = ", ".join(str(error).split(". ")[:2])
        raise UserError(
            f"the GPU has too little memory ({cause[:200]}); lower train.batch or train.memory_gb, "
            "set train.device to cpu, or end what else uses the GPU. The last checkpoint is kept."
        ) from error


def slices(values: Tensor, size: int = SLICE) -> tuple[Tensor, ...]:
    """`values` in their order, flat, in one slice or more of at most `size` bytes; if contiguous,
    views.
    """
    return values.flatten().split(size // values.element_size())
