"""How many do the tasks of a stage at a time, and how many processes train a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from asr_prune.acoustic.options import TrainOptions
from asr_prune.analysis.machine import available_cores
from asr_prune.spread.dask_executor import count_workers
from asr_prune.spread.options import ClusterOptions, ExecutorOptions

#: what each process of a training adds beyond the first, which counts as 1: of two processes,
#: 1.67 times the frames per second (distributed.md)
GAIN = 0.67
#: files, utterances, frames and seconds of a task at least, of the stages that open audio, extract
#: features, align and search
TASK_FILES, TASK_UTTERANCES, TASK_FRAMES, TASK_SECONDS = 100, 64, 16_384, 60.0
#: tasks of an alignment, and of a search, at most
MOST_PIECES, MOST_PORTIONS = 1024, 200
#: seconds of a pass, and of a frame in it, that the command joins what workers have made
ONCE_A_PASS, JOINING = 1.0, 2.4e-6


@dataclass(frozen=True)
class Workforce:
    """What does the tasks of the stages that share their work.

    count: how many at a time; says: who they are; elsewhere: whether they are workers of Dask;
    known: whether `count` is theirs, or 1 for want of an answer.
    """

    count: int
    says: str
    elsewhere: bool = False
    known: bool = True

    def at_once(self, tasks: float) -> int:
        """How many work at a time if there are that many tasks."""
        return min(self.count, max(1, int(tasks))) if self.elsewhere else self.count

    def opening(self, files: int) -> int:
        return self.at_once(files / TASK_FILES)

    def extracting(self, utterances: int) -> int:
        return self.at_once(utterances / TASK_UTTERANCES)

    def aligning(self, frames: int) -> int:
        return self.at_once(min(MOST_PIECES, frames / TASK_FRAMES))

    def searching(self, hours: float) -> int:
        """Of one set."""
        return self.at_once(min(MOST_PORTIONS, 3600 * hours / TASK_SECONDS))

    def scoring(self, hours: float) -> int:
        """Of one set: what computes scores, here one process for all that search."""
        return self.searching(hours) if self.elsewhere else 1

    def joining(self, frames: int) -> float:
        """Seconds of a pass in which the command alone works; those of processes here are few."""
        return ONCE_A_PASS + JOINING * frames if self.elsewhere else 0.0


def of_this_machine(nj: int) -> Workforce:
    """`nj` processes, of which as many count as there are cores."""
    count, cores = min(nj, available_cores()), available_cores()
    more = f", which has no more cores than that for --nj {nj}" if nj > cores else ""
    return Workforce(count, f"{_several(count, 'process', 'processes')} of this machine{more}")


def workforce(options: ExecutorOptions, nj: int) -> Workforce:
    """What the executor brings; a scheduler is asked for its workers, a cluster is not started.

    Raises UserError if Dask is asked for and not installed.
    """
    if options.type == "local":
        return of_this_machine(nj)
    if options.cluster:
        return _of_cluster(options.cluster)
    count, at = count_workers(options.address), f"Dask at {options.address}"
    if count:
        return Workforce(count, f"{_several(count, 'worker', 'workers')} of {at}", True)
    why = "does not answer" if count is None else "has no worker yet"
    says = f"1 worker: {at} {why}, so how many there will be is not known"
    return Workforce(1, says, True, known=False)


def _of_cluster(cluster: ClusterOptions) -> Workforce:
    count, each = cluster.jobs * cluster.workers, cluster.workers
    jobs = f"{cluster.jobs} jobs" + (f" with {each} workers each" if each > 1 else "")
    who = f"{_several(count, 'worker', 'workers')} of {cluster.type} ({jobs})"
    return Workforce(count, f"{who}, as if none waited in the queue", True)


def _several(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def devices(train: TrainOptions) -> tuple[int, str]:
    """The GPUs that torch sees, or the cores, whichever a training uses, with their name."""
    import torch

    if train.device != "cpu" and torch.cuda.is_available():
        count = torch.cuda.device_count()
        return count, _several(count, "GPU", "GPUs")
    count = available_cores()
    return count, _several(count, "core", "cores")


def faster(train: TrainOptions) -> float:
    """By how much the processes of a training are faster than one of them alone."""
    return 1 + GAIN * (min(train.processes, devices(train)[0]) - 1)


def training_notes(trainings: Iterable[TrainOptions]) -> list[str]:
    """A sentence for each number of processes that train together."""
    return list(dict.fromkeys(_training_note(train) for train in trainings if train.processes > 1))


def _training_note(train: TrainOptions) -> str:
    count, named = devices(train)
    if train.processes <= count:
        times = f"{faster(train):.2f} times as fast as one"
        return f"Training: {train.processes} processes, counted as {times}."
    if "GPU" in named:
        left = "training will be refused: lower it, or set train.device to cpu"
        return f"Training: train.processes is {train.processes} and torch sees {named}; {left}."
    return (
        f"Training: train.processes is {train.processes} and this machine has {named}; "
        f"counted as {count}, {faster(train):.2f} times as fast as one."
    )
