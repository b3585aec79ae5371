"""The `executor:` block of a recipe, or of a file of its own."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Literal

from asr_prune.options import options

_ADDRESS = re.compile(r"(tcp|tls|ucx|ws|wss)://[^\s/:]+:\d+|(tcp|tls)://\[[0-9a-fA-F:]+\]:\d+")
_WALLTIME = re.compile(r"\d+:[0-5]\d:[0-5]\d")
#: keys that not all types know, and those that do
_JOBS = ("slurm", "sge", "pbs", "lsf", "htcondor")
_KNOWN_TO = {
    **dict.fromkeys(("image", "namespace", "claim", "mount"), ("kubernetes",)),
    **dict.fromkeys(("workers", "directives", "prologue", "interface", "logs", "account"), _JOBS),
    **dict.fromkeys(("walltime", "queue"), _JOBS[:-1]),
    **dict.fromkeys(("memory_resources", "parallel_environment"), ("sge",)),
}
_MEMORY = re.compile(r"\d+(\.\d+)? ?(B|[kMGT]i?B)")


@options
class ClusterOptions:
    """Workers that a queueing system starts, through dask-jobqueue or dask-kubernetes."""

    #: the queueing system
    type: Literal["slurm", "sge", "pbs", "lsf", "htcondor", "kubernetes"] = "slurm"
    #: number of jobs; of kubernetes: pods
    jobs: int = 8
    #: workers of a job, each a process with one thread on one core; of kubernetes: 1
    workers: int = 1
    #: memory of a worker
    memory: str = "4GB"
    #: how long a job may run, hours:minutes:seconds; by default 12:00:00
    walltime: str = ""
    #: queue or partition; by default the queueing system's own
    queue: str = ""
    #: account or project that the jobs are charged to
    account: str = ""
    #: further options of each job, as in the first lines of a job script: --constraint=skylake
    directives: tuple[str, ...] = ()
    #: shell commands before a worker starts: module load gcc
    prologue: tuple[str, ...] = ()
    #: network interface by which workers and scheduler see each other: ib0
    interface: str = ""
    #: folder of what the jobs print; by default the current one
    logs: str = ""
    #: sge: resources by which memory is asked for, of each slot; without any it is not
    memory_resources: tuple[str, ...] = ("mem_free",)
    #: sge: parallel environment that gives a job with several workers as many slots
    parallel_environment: str = "smp"
    #: kubernetes: image with the same asr_prune as here
    image: str = ""
    #: kubernetes: namespace of the pods
    namespace: str = "default"
    #: kubernetes: claim of the volume that holds the project
    claim: str = ""
    #: kubernetes: where that volume is mounted
    mount: str = ""

    def __post_init__(self) -> None:
        for name in ("jobs", "workers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if not _MEMORY.fullmatch(self.memory):
            raise ValueError(f"memory must be a number with a unit, such as 4GB, not {self.memory!r}")
        if self.walltime and not _WALLTIME.fullmatch(self.walltime):
            raise ValueError(f"walltime must be hours:minutes:seconds in quotes, not {self.walltime!r}")
        pods = ("image", "claim", "mount")
        if self.type == "kubernetes" and (missing := [name for name in pods if not getattr(self, name)]):
            raise ValueError(f"{missing[0]} must be given with type kubernetes")
        self._refuse_unknown()

    def _refuse_unknown(self) -> None:
        """Raises ValueError for keys that would be dropped."""
        given = [field.name for field in fields(self) if getattr(self, field.name) != field.default]
        for name in given:
            if self.type not in (known := _KNOWN_TO.get(name, (self.type,))):
                raise ValueError(f"{name} goes with type {' or '.join(known)}, not {self.type}")
        if self.type == "htcondor" and (odd := [own for own in self.directives if "=" not in own]):
            raise ValueError(f"directives of type htcondor must look like key = value, not {odd[0]!r}")
        if self.type == "sge" and self.workers > 1 and not self.parallel_environment:
            raise ValueError("parallel_environment must be given with several workers")


@options
class ExecutorOptions:
    """Where the work of stages is done. Results do not depend on it."""

    #: local: processes of this machine, as many as --nj; dask: workers of a Dask scheduler
    type: Literal["local", "dask"] = "local"
    #: dask: address of a running scheduler: tcp://host:8786
    address: str = ""
    #: dask: workers that a queueing system starts for each stage, instead of `address`
    cluster: ClusterOptions | None = None
    #: dask: seconds to wait for a worker that fits, while there is none
    wait: float = 600.0

    def __post_init__(self) -> None:
        if self.wait <= 0:
            raise ValueError(f"wait must be above 0, not {self.wait:g}")
        if self.type == "local" and (self.address or self.cluster):
            named = "address" if self.address else "cluster"
            raise ValueError(f"{named} goes with type dask; set type to dask")
        if self.type == "dask" and bool(self.address) == bool(self.cluster):
            raise ValueError("address or cluster must be given with type dask, one of them")
        if self.address and not _ADDRESS.fullmatch(self.address):
            raise ValueError(f"address must look like tcp://host:8786, not {self.address!r}")
