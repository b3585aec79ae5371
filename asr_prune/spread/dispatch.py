"""Gives tasks to the workers of a Dask scheduler, one at a time to each.

Every task is addressed to one worker. So it is known which task a worker was doing when it died,
and a worker that does not fit gets none.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence

from asr_prune.errors import UserError
from asr_prune.spread.remote import Mark, perform
from asr_prune.spread.task import Report, Task, Watcher, watch_nothing
from asr_prune.spread.workers import GREETING, LOOK, Lost, Workers

log = logging.getLogger(__name__)

#: workers that a task may lose
_DEATHS = 3


class Dispatch:
    """Does tasks with workers. project: its folder; wait: seconds that there may be no worker."""

    def __init__(self, workers: Workers, project: str, wait: float) -> None:
        self.workers, self.project, self.wait = workers, project, wait
        self.deaths: Counter[int] = Counter()
        self._waiting = False

    def run(
        self, tasks: Sequence[Task], marks: Sequence[Mark], watch: Watcher = watch_nothing
    ) -> Iterator[tuple[Task, str]]:
        """Yields each task when it is done, and the host that did it.

        marks: of the folder of each task's output; watch: as of `Executor.run`.
        Raises UserError and TaskFailed as the task does, or if it has killed three workers, or if
        there is no worker; SchedulerGone.
        """
        waiting, left = deque(range(len(tasks))), len(tasks)
        looked, alone = 0.0, time.monotonic()
        while left:
            if (now := time.monotonic()) - looked > LOOK:
                looked = now
                for host, number in self.workers.look():
                    self._died(tasks, host, number, waiting)
            for address in self.workers.idle()[: len(waiting)]:
                number = waiting.popleft()
                self.workers.give(address, number, perform, tasks[number], self.project, marks[number])
            doing = (number for number, _ in self.workers.doing.values())
            watch([tasks[number] for number in doing if number != GREETING])
            alone = time.monotonic() if self.workers.hosts else alone
            self._need_workers(alone)
            if (event := self.workers.next()) is None:
                continue
            address, number, result = event
            if number == GREETING:
                self.workers.greeted(address, result)
            elif self._done(tasks, address, number, result, waiting, marks):
                left -= 1
                yield tasks[number], self.workers.hosts[address]

    def _done(
        self,
        tasks: Sequence[Task],
        address: str,
        number: int,
        result: object,
        waiting: deque[int],
        marks: Sequence[Mark],
    ) -> bool:
        """Whether a worker has done its task; else it is to do again."""
        host = self.workers.hosts.get(address, address)
        if isinstance(result, Lost):
            self._died(tasks, host, number, waiting)
            return False
        if not isinstance(result, Report):
            folder = marks[number].path.rpartition("/")[0]
            self.workers.refuse(address, f"does not see {folder}; let it share the folder of the project")
            waiting.appendleft(number)
            return False
        result.receive(tasks[number], f"{host}: ")
        return True

    def _died(self, tasks: Sequence[Task], host: str, number: int, waiting: deque[int]) -> None:
        if number == GREETING:
            return
        self.deaths[number] += 1
        name, deaths = tasks[number].name, self.deaths[number]
        if deaths == _DEATHS:
            raise UserError(
                f"{name} ended its worker {deaths} times, perhaps for lack of memory (last: {host});"
                " give workers more memory, or run this stage with --executor local."
            )
        log.warning("the worker %s ended during %s, which begins again elsewhere", host, name)
        waiting.appendleft(number)

    def _need_workers(self, since: float) -> None:
        """Raises UserError if there has been no worker that fits for too long."""
        own = self.workers
        if own.hosts or own.doing:
            return
        if time.monotonic() - since <= self.wait:
            self._say_waiting()
            return
        if own.refused:
            more = len(own.refused) - 1
            others = f" (and {more} more)" if more else ""
            raise UserError(f"{next(iter(own.refused.values()))}{others}, and there is no other worker.")
        raise UserError(
            f"the scheduler has had no worker for {self.wait:g} s; start workers with"
            " dask worker ADDRESS --nthreads 1, or wait longer: --set executor.wait=3600."
        )

    def _say_waiting(self) -> None:
        """Once, where workers have been refused."""
        if self.workers.refused and not self._waiting:
            self._waiting = True
            log.info("  executor: waiting for another worker, at most %g s", self.wait)
