"""Clusters that a queueing system starts for a stage, and ends after it."""

from __future__ import annotations

import importlib
import logging
import math
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from asr_prune.errors import UserError
from asr_prune.spread.options import ClusterOptions

log = logging.getLogger(__name__)

#: classes of dask-jobqueue
_CLASSES = {
    "slurm": "SLURMCluster",
    "sge": "SGECluster",
    "pbs": "PBSCluster",
    "lsf": "LSFCluster",
    "htcondor": "HTCondorCluster",
}
#: what these call an account
_ACCOUNT = {"slurm": "account", "pbs": "account", "sge": "project", "lsf": "project"}
#: what hands a job in
_COMMANDS = {"slurm": "sbatch", "sge": "qsub", "pbs": "qsub", "lsf": "bsub", "htcondor": "condor_submit"}
_WALLTIME = "12:00:00"
_NEED = "executor.cluster.type {} needs {}, which is not installed; run pip install {}."


@contextmanager
def start_cluster(options: ClusterOptions) -> Iterator[Any]:
    """A cluster of dask-jobqueue or dask-kubernetes with the jobs that `options` ask for.

    Raises UserError if the library is missing, or the jobs cannot be handed in.
    """
    command = _COMMANDS.get(options.type)
    if command and not shutil.which(command):
        raise UserError(
            f"executor.cluster.type {options.type} needs the command {command}, which is not here; run"
            " this on a machine from which jobs are handed in, or give --executor local."
        )
    try:
        cluster = make_pods(options) if options.type == "kubernetes" else make_jobs(options)
        if options.type != "kubernetes":
            cluster.scale(jobs=options.jobs)
    except (OSError, RuntimeError, ValueError) as error:
        text = str(error).partition("\n")[0][:200]
        raise UserError(f"executor.cluster: {options.type} cannot be used from here ({text}).") from error
    try:
        log.info("  executor: %d jobs of %s asked for", options.jobs, options.type)
        yield cluster
    finally:
        cluster.close()


def make_jobs(options: ClusterOptions) -> Any:
    """A cluster of dask-jobqueue without any job; `job_script()` gives the script of one."""
    try:
        module = importlib.import_module("dask_jobqueue")
    except ImportError:
        raise UserError(_NEED.format(options.type, "dask-jobqueue", "'asr_prune[cluster]'")) from None
    return getattr(module, _CLASSES[options.type])(**job_settings(options))


def job_settings(options: ClusterOptions) -> dict[str, Any]:
    """The arguments of a cluster of dask-jobqueue."""
    number, unit = _size(options.memory)
    settings: dict[str, Any] = {
        "cores": options.workers,
        "processes": options.workers,
        "memory": f"{number * options.workers:.12g}{unit}",
        "python": sys.executable,
        "job_extra_directives": list(options.directives),
        "job_script_prologue": list(options.prologue),
        "log_directory": options.logs or None,
        "interface": options.interface or None,
        "scheduler_options": {"dashboard_address": ":0"},
    }
    if options.type == "htcondor":
        return settings | _condor_settings(options)
    if options.type == "sge":
        settings |= _sge_settings(options)
    hours = options.walltime or _WALLTIME
    if options.type == "lsf":
        hours = ":".join(hours.split(":")[:2])  # bsub knows no seconds
    settings |= {"walltime": hours, "queue": options.queue or None}
    return settings | {_ACCOUNT[options.type]: options.account or None}


def _condor_settings(options: ClusterOptions) -> dict[str, Any]:
    """HTCondor has lines `key = value`, and needs to know of the disk."""
    lines = {"accounting_group": options.account} if options.account else {}
    for directive in options.directives:
        key, _, value = directive.partition("=")
        lines[key.strip()] = value.strip()
    return {"job_extra_directives": lines, "disk": "1GB"}


def _sge_settings(options: ClusterOptions) -> dict[str, Any]:
    """SGE, for which dask-jobqueue asks neither for memory nor for slots, counts memory by slot."""
    size = f"{_mebibytes(options.memory)}M"
    asked = ",".join(f"{name}={size}" for name in options.memory_resources)
    slots = [f"-pe {options.parallel_environment} {options.workers}"] if options.workers > 1 else []
    return {"resource_spec": asked or None, "job_extra_directives": [*slots, *options.directives]}


def _mebibytes(memory: str) -> int:
    """Memory in whole MiB: SGE knows no fractions."""
    number, unit = _size(memory)
    return math.ceil(number * (1024 if "i" in unit else 1000) ** "BkMGT".index(unit[0]) / 2**20)


def _size(memory: str) -> tuple[float, str]:
    digits = memory.rstrip("BkKMGTi ")
    return float(digits), memory[len(digits) :].replace(" ", "")


def make_pods(options: ClusterOptions) -> Any:
    """A running cluster of dask-kubernetes, whose operator the Kubernetes cluster must have."""
    try:
        operator = importlib.import_module("dask_kubernetes.operator")
    except ImportError:
        raise UserError(_NEED.format(options.type, "dask-kubernetes", "dask-kubernetes")) from None
    spec = pod_spec(options, operator.make_cluster_spec)
    return operator.KubeCluster(namespace=options.namespace, custom_cluster_spec=spec)


def pod_spec(options: ClusterOptions, make_cluster_spec: Any) -> dict[str, Any]:
    """What is asked of Kubernetes: pods of one worker each, with the volume of the project."""
    size = {"cpu": "1", "memory": options.memory.replace(" ", "").removesuffix("B")}
    spec: dict[str, Any] = make_cluster_spec(
        name="asr-prune",
        image=options.image,
        n_workers=options.jobs,
        resources={"requests": size, "limits": size},
        worker_command=["dask", "worker", "--nthreads", "1"],
        env={"OPENBLAS_NUM_THREADS": "1"},
    )
    pod = spec["spec"]["worker"]["spec"]
    pod.setdefault("volumes", []).append({"name": "project", "persistentVolumeClaim": {"claimName": options.claim}})
    for container in pod["containers"]:
        mounts = container.setdefault("volumeMounts", [])
        mounts.append({"name": "project", "mountPath": options.mount})
    return spec
