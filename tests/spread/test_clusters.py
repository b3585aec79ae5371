"""Job scripts of the queueing systems, and what is asked of Kubernetes; none of them is here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from asr_prune.errors import UserError
from asr_prune.spread.clusters import job_settings, make_jobs, pod_spec, start_cluster
from asr_prune.spread.options import ClusterOptions, ExecutorOptions

GIVEN: dict[str, Any] = {"workers": 2, "memory": "3GB", "prologue": ("module load gcc",), "logs": "logs"}
QUEUED: dict[str, Any] = {"walltime": "01:30:00", "queue": "cpu", "account": "speech"}
PODS = {"type": "kubernetes", "image": "asr:1", "claim": "corpora", "mount": "/work"}
WANTED = {
    "slurm": ["#SBATCH -p cpu", "#SBATCH -A speech", "#SBATCH --cpus-per-task=2", "#SBATCH --mem=6G", "-t 01:30:00"],
    "sge": ["#$ -q cpu", "#$ -P speech", "h_rt=01:30:00", "#$ -pe smp 2\n", "#$ -l mem_free=2862M\n"],
    "pbs": ["#PBS -q cpu", "#PBS -A speech", "ncpus=2:mem=5723MB", "walltime=01:30:00"],
    "lsf": ["#BSUB -q cpu", '#BSUB -P "speech"', "#BSUB -n 2", "#BSUB -M 6000000\n", "#BSUB -W 01:30\n"],
    "htcondor": [
        "RequestCpus = MY.DaskWorkerCores",
        "MY.DaskWorkerCores = 2",
        "RequestMemory = floor(MY.DaskWorkerMemory / 1048576)",
        "MY.DaskWorkerMemory = 6000000000",
        "accounting_group = speech",
    ],
}


@pytest.mark.parametrize("kind", WANTED)
def test_a_job_script_says_what_was_asked_for(kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue", reason="needs the extra cluster")
    monkeypatch.chdir(tmp_path)
    more = QUEUED | {"directives": ("--special=1",)}
    if kind == "htcondor":
        more = {"account": "speech", "directives": ("special = 1",)}
    cluster = make_jobs(ClusterOptions(type=kind, **GIVEN, **more))
    try:
        script = cluster.job_script()
    finally:
        cluster.close()
    wanted = [*WANTED[kind], "module load gcc", f"{sys.executable} -m distributed.cli.dask_worker", "--nthreads 1"]
    wanted += ["--nworkers 2", *more["directives"]]
    assert [line for line in wanted if line not in script] == [], script


def test_names_of_sge_are_the_site_s_own() -> None:
    own: dict[str, Any] = {"memory_resources": ("mem_free", "ram_free"), "parallel_environment": "threads"}
    settings = job_settings(ClusterOptions(type="sge", workers=4, memory="1.5GiB", directives=("-V",), **own))
    assert settings["resource_spec"] == "mem_free=1536M,ram_free=1536M"
    assert settings["job_extra_directives"] == ["-pe threads 4", "-V"]
    settings = job_settings(ClusterOptions(type="sge", memory_resources=()))
    assert settings["resource_spec"] is None
    assert settings["job_extra_directives"] == []
    assert settings["walltime"] == "12:00:00"


def test_pods_have_the_volume_of_the_project() -> None:
    options = ClusterOptions(type="kubernetes", image="asr:1", claim="corpora", mount="/work", jobs=5, memory="4GiB")

    def made(**given: Any) -> dict[str, Any]:
        return {"spec": {"worker": {"spec": {"containers": [{"name": "worker", "given": given}]}}}}

    try:
        from dask_kubernetes.operator import make_cluster_spec
    except ImportError:
        make_cluster_spec = made
    pod = pod_spec(options, make_cluster_spec)["spec"]["worker"]["spec"]
    assert pod["volumes"] == [{"name": "project", "persistentVolumeClaim": {"claimName": "corpora"}}]
    assert pod["containers"][0]["volumeMounts"] == [{"name": "project", "mountPath": "/work"}]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"type": "dask"}, "address or cluster must be given"),
        ({"address": "tcp://host:1"}, "address goes with type dask"),
        ({"type": "dask", "address": "host"}, "address must look like tcp://host:8786"),
        ({"type": "dask", "address": "tcp://h:1", "cluster": ClusterOptions(type="sge")}, "one of them"),
        ({"wait": 0.0}, "wait must be above 0"),
    ],
)
def test_executors_that_make_no_sense_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ExecutorOptions(**given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"jobs": 0}, "jobs must be 1 or more"),
        ({"memory": "4"}, "memory must be a number with a unit"),
        ({"walltime": "2 days"}, "walltime must be hours"),
        ({"image": "x"}, "image goes with type kubernetes, not slurm"),
        ({"namespace": "x"}, "namespace goes with type kubernetes, not slurm"),
        ({"parallel_environment": "mpi"}, "parallel_environment goes with type sge, not slurm"),
        ({"type": "htcondor", "queue": "x"}, "queue goes with type slurm or sge or pbs or lsf, not htcondor"),
        ({"type": "htcondor", "walltime": "12:00:00"}, "walltime goes with type slurm or sge or pbs or lsf, not"),
        ({"type": "htcondor", "directives": ("-x",)}, "directives of type htcondor must look like key = value"),
        ({"type": "sge", "workers": 2, "parallel_environment": ""}, "parallel_environment must be given"),
        ({"type": "kubernetes"}, "image must be given"),
        (PODS | {"workers": 2}, "workers goes with type slurm or sge or pbs or lsf or htcondor, not kubernetes"),
        (PODS | {"account": "x"}, "account goes with type slurm or .* not kubernetes"),
        (PODS | {"walltime": "12:00:00"}, "walltime goes with type slurm or .* not kubernetes"),
    ],
)
def test_clusters_that_make_no_sense_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ClusterOptions(**{"type": "slurm", **given})


def test_a_queueing_system_that_is_not_here_or_refuses_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask_jobqueue", reason="needs the extra cluster")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    options = ClusterOptions(type="slurm", interface="none0")
    with pytest.raises(UserError, match=r"needs the command sbatch, which is not here"), start_cluster(options):
        pass
    (tmp_path / "sbatch").write_text("#!/bin/sh\n")
    (tmp_path / "sbatch").chmod(0o755)
    with pytest.raises(UserError, match=r"executor.cluster: slurm cannot be used from here"), start_cluster(options):
        pass


@pytest.mark.parametrize(
    ("memory", "workers", "wanted"), [("3GB", 2, "6GB"), ("2500000kB", 4, "10000000kB"), ("1.5 GiB", 3, "4.5GiB")]
)
def test_a_job_asks_for_the_memory_of_all_its_workers(memory: str, workers: int, wanted: str) -> None:
    options = ClusterOptions(type="slurm", workers=workers, memory=memory, walltime="01:00:00")
    assert job_settings(options)["memory"] == wanted
