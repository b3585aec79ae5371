"""Data brought to the device of the network."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(values: Tensor, device: torch.device | str) -> Tensor:
    """`values`, of the CPU, on `device`.

    To a GPU they go from page-locked memory on a stream of their own, so that a thread that reads
    ahead copies while the network computes, and waits for its own copy alone.
    """
    device = torch.device(device)
    if device.type != "cuda":
        return values.to(device)
    stream, user = torch.cuda.Stream(device), torch.cuda.current_stream(device)
    with torch.cuda.stream(stream):
        copy = values.pin_memory().to(device, non_blocking=True)
    stream.synchronize()
    copy.record_stream(user)  # its memory is not reused while the network may still read it
    return copy
