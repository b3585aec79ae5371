"""The processes that train one network together: each computes a part of every batch.

All random numbers are drawn by every process for the whole batch, from the same streams, so the
processes hold equal weights at all times and nothing but sums over a batch is exchanged. A process
that has not called `joined` is alone, even if a program around it uses torch.distributed.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from asr_prune.acoustic.distributed.share import WHOLE, Share
from asr_prune.errors import UserError

_T = TypeVar("_T")

#: the others wait this long while the first one works alone, on a teacher's posteriors for instance
_PATIENCE = timedelta(days=1)
#: values of a tensor from which a message of its own costs less than a copy
_LARGE = 50_000


class PeerLost(UserError):
    """Another process has ended, or cannot be reached."""

    def __init__(self, cause: str) -> None:
        line = " ".join(cause.partition("\n")[0].split(None))
        super().__init__(
            f"this process has lost the others that train with it ({line[:200]}); what the one that ended "
            "printed says why. Run the same command again: it goes on from the last checkpoint."
        )


class _World:
    """What this process has joined. row_count: rows of the whole batch, if all layers have as many."""

    share = WHOLE
    row_count: int | None = None


def share() -> Share:
    """The part of this process."""
    return _World.share


def is_first() -> bool:
    """Whether this process writes the files; true of one that is alone."""
    return _World.share.rank == 0


def is_alone() -> bool:
    return _World.share.count == 1


@contextmanager
def joined_processes() -> Iterator[None]:
    """Joins the processes that torchrun's variables name (RANK, WORLD_SIZE, MASTER_ADDR,
    MASTER_PORT), by gloo, and for tensors on GPUs by NCCL.

    Raises PeerLost if they do not come together.
    """
    # its functions have the group of the moment of its import as a default: imported later, by an
    # optimiser, it would keep the group, whose threads then abort the process at its end
    importlib.import_module("torch.distributed.nn.functional")
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    with _noticed():
        store, rank, count = next(dist.rendezvous("env://"))
        # torchrun's agent keeps its store when it starts processes again, with the addresses of those
        # that were killed; of several machines each has a count of its own
        again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        own = again if os.environ.get("GROUP_WORLD_SIZE", "1") == "1" else ""
        store = dist.PrefixStore(f"asr_prune{own}", store)
        dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=_PATIENCE)
    _World.share = Share(dist.get_rank(), dist.get_world_size())
    try:
        yield
    finally:
        _World.share = WHOLE
        dist.destroy_process_group()


@contextmanager
def _noticed() -> Iterator[None]:
    """Makes errors of torch.distributed PeerLost."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise PeerLost(str(error)) from error


@contextmanager
def rows_of_batch(count: int | None) -> Iterator[None]:
    """While it is open, batches have `count` rows in all processes together, in every layer; None:
    processes tell each other how many they have.
    """
    _World.row_count = count
    try:
        yield
    finally:
        _World.row_count = None


def place_of(rows: int) -> tuple[int, int]:
    """Rows of a batch that other processes have before these `rows`, and those of all."""
    if is_alone():
        return 0, rows
    if _World.row_count is not None:
        return share().of(_World.row_count).start, _World.row_count
    counts = gathered(rows)
    return sum(counts[: share().rank]), sum(counts)


def gathered(number: int) -> list[int]:
    """The number that each process has."""
    counts = [torch.zeros(1, dtype=torch.int64) for _ in range(share().count)]
    with _noticed():
        dist.all_gather(counts, torch.tensor([number]))
    return [int(count) for count in counts]


def all_summed(values: Tensor) -> Tensor:
    """The sum of all processes' `values`, the same bits in each; in place."""
    if not is_alone():
        with _noticed():
            dist.all_reduce(values)
    return values


def sum_gradients(parameters: Iterable[Tensor]) -> None:
    """Adds up the gradients of all processes, in place: large ones as they are, while others are
    under way, the small ones in one message.

    Nothing is registered with the parameters, so a network may be narrowed between two updates.
    """
    if is_alone():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    large = [g for g in gradients if g.numel() >= _LARGE and g.is_contiguous()]
    small = [g for g in gradients if g.numel() < _LARGE or not g.is_contiguous()]
    with _noticed():
        waiting = [dist.all_reduce(gradient, async_op=True) for gradient in large]
        _sum_in_one(small)
        for work in waiting:
            work.wait()


def _sum_in_one(tensors: Sequence[Tensor]) -> None:
    if not tensors:
        return
    flat = all_summed(torch.cat([tensor.flatten() for tensor in tensors]))
    parts = flat.split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))


def from_first(value: _T) -> _T:
    """The first process's value, which can be pickled, in all processes."""
    if is_alone():
        return value
    box = [value]
    with _noticed():
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    return box[0]


def after_first(act: Callable[[], _T]) -> _T:
    """`act()` of the first process, which may write files, then of the others, which find them."""
    if is_first():
        found = act()
        from_first(None)
        return found
    from_first(None)
    return act()


@torch.no_grad()
def take_from_first(tensors: Mapping[str, Tensor]) -> None:
    """Overwrites tensors by those of the first process."""
    if is_alone():
        return
    for tensor in tensors.values():
        with _noticed():
            dist.broadcast(tensor, src=0)


def check_equal(tensors: Mapping[str, Tensor], when: str) -> None:
    """Raises UserError unless all processes hold the same bits and are at the same place of their
    random streams. when: for the message.
    """
    if is_alone():
        return
    on_gpu = [torch.cuda.get_rng_state()] if torch.cuda.is_initialized() else []
    streams = [torch.get_rng_state(), *on_gpu]
    digest = hashlib.sha256(b"".join(stream.numpy().tobytes() for stream in streams))
    for name, tensor in tensors.items():
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        content = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(content.numpy().tobytes())
    short = gathered(int.from_bytes(digest.digest()[:7], "big"))
    if other := next((rank for rank, value in enumerate(short) if value != short[0]), 0):
        raise UserError(
            f"process {other} has other weights than process 0 {when}; train on processors and "
            "devices of one kind, or with train.processes=1."
        )


def device_of_process(devices: int) -> int:
    """The number of this process's GPU of the `devices` that it sees, by its place on the machine.

    Raises UserError if there are too few.
    """
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    # srun shows each task its own alone; a batch job has the variable, too, for all that torchrun starts
    of_srun = "SLURM_LOCALID" in os.environ and "TORCHELASTIC_RESTART_COUNT" not in os.environ
    if devices == 1 and of_srun:
        return 0
    if rank >= devices:
        raise UserError(
            f"process {rank} of this machine has no GPU of its own, there are {devices}; lower "
            "train.processes, or set train.device to cpu."
        )
    return rank


def threads_of_process(asked: int) -> int:
    """Threads of torch for `train.threads`: with several processes, 0 is this process's part of
    torch's default.
    """
    if asked or is_alone():
        return asked
    return max(1, torch.get_num_threads() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
