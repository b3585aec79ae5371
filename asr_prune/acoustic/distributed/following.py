"""A command that torchrun or srun has started several times: the first process does all of it, the
others take part in training only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager

from asr_prune.acoustic.distributed.relay import send_none

#: Slurm's variables of a task, and torchrun's
_OF_SLURM = {
    "RANK": "SLURM_PROCID",
    "WORLD_SIZE": "SLURM_STEP_NUM_TASKS",
    "LOCAL_RANK": "SLURM_LOCALID",
}
_FIRST_HOST = re.compile(r"([^\[,]+)(?:\[(\d+))?")


def in_company(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether torchrun or srun has started this command in several processes."""
    return _number(environment, "WORLD_SIZE") > 1 or _number(environment, "SLURM_STEP_NUM_TASKS") > 1


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, "")
    return int(text) if text.isdecimal() else 0


def take_place(environment: MutableMapping[str, str] = os.environ) -> None:
    """Sets torchrun's variables from those of a Slurm task, if it is one; torchrun's go before."""
    if _number(environment, "WORLD_SIZE") > 1:
        return
    environment.update({name: environment[of_slurm] for name, of_slurm in _OF_SLURM.items()})
    local = environment.get("SLURM_STEP_TASKS_PER_NODE", "1")
    environment["LOCAL_WORLD_SIZE"] = local[: len(local) - len(local.lstrip("0123456789"))]
    environment.setdefault("MASTER_ADDR", first_host(environment["SLURM_STEP_NODELIST"]))
    # jobs that share a machine must not share a port
    environment.setdefault("MASTER_PORT", str(29500 + int(environment.get("SLURM_JOB_ID", "0")) % 10000))


def first_host(nodes: str) -> str:
    """The first host of a list as Slurm writes it: `node[003-010,12],login` is node003."""
    found = _FIRST_HOST.match(nodes)
    return "".join(found.groups("")) if found else nodes


@contextmanager
def company() -> Iterator[bool]:
    """While it is open, the processes of this command train together; yields whether this is the
    first one, which does the command's work. The others have taken part in its trainings when the
    block begins, and have nothing left to do.

    Raises PeerLost if a process ends before.
    """
    from asr_prune.acoustic.distributed.processes import from_first, is_first, joined_processes  # imports torch

    take_place()
    with joined_processes():
        if is_first():
            yield True
            from_first(None)
            return
        send_none()
        while (work := from_first(None)) is not None:
            function, arguments = work
            function(*arguments)
        yield False
