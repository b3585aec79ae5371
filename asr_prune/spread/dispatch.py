"""Gives tasks to the workers of a Dask scheduler, one at a time to each.

Every task is addressed to one worker. So it is known which task a worker was doing when it died,
and a worker that does not fit gets none.
"""

from __future__ import annotations

import logging
import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asr_prune.errors import UserError
from asr_prune.spread.identity import identity, version_difference
from asr_prune.spread.remote import Greeting, Mark, greet, perform
from asr_prune.spread.task import Report, Task, Watcher, watch_nothing

if TYPE_CHECKING:
    from distributed import Client, Future

log = logging.getLogger(__name__)

#: workers that a task may lose
_DEATHS = 3
#: seconds between two looks at which workers there are
_LOOK = 0.5
#: seconds in which a result that is ready must come
_FETCH = 1
#: what is asked of a worker before its first task
_GREETING = -1


@dataclass(frozen=True)
class Lost:
    """What is had of a worker that could not do what it was given."""

    error: object


class SchedulerGone(Exception):
    """The scheduler does not answer any more."""


class Workers:
    """The workers of a scheduler: which are there, which of them fit, and what each is doing.

    hosts: of those that fit, by address; refused: why others do not, by address; doing: the number
    of its task, or _GREETING, by address.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.hosts: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.doing: dict[str, tuple[int, Future]] = {}
        self.events: queue.SimpleQueue[tuple[str, Future]] = queue.SimpleQueue()

    def look(self) -> Iterator[tuple[str, int]]:
        """Greets new workers; yields those that have died, with what they were doing."""
        try:
            present = set(self.client.nthreads())
        except Exception as error:  # whatever the network does
            raise SchedulerGone from error
        if self.client.status != "running":
            raise SchedulerGone
        for address in {*self.hosts, *self.doing} - present:
            host = self.hosts.pop(address, address)
            if address in self.doing:
                number, future = self.doing.pop(address)
                with suppress(Exception):
                    future.cancel()
                yield host, number
        for address in sorted(present - self.hosts.keys() - self.refused.keys() - self.doing.keys()):
            self.give(address, _GREETING, greet)

    def give(self, address: str, number: int, function: Callable[..., Any], *arguments: object) -> None:
        """Lets a worker call a function."""
        future: Future = self.client.submit(
            function, *arguments, workers=[address], allow_other_workers=False, pure=False, retries=0
        )
        self.doing[address] = number, future
        self._expect(address, future)

    def _expect(self, address: str, future: Future) -> None:
        future.add_done_callback(lambda done: self.events.put((address, done)))

    def idle(self) -> list[str]:
        return [address for address in self.hosts if address not in self.doing]

    def next(self) -> tuple[str, int, object] | None:
        """A worker that has done what it was given, what that was, and its result, or `Lost`; None
        after a while.
        """
        with suppress(queue.Empty):
            address, future = self.events.get(timeout=_LOOK)
            number, own = self.doing.get(address, (0, None))
            if own is not future:
                return None
            try:
                result = self._result(future)
            except TimeoutError:  # it may have died before its result was fetched: `look` finds out
                self._expect(address, future)
                return None
            del self.doing[address]
            return address, number, result
        return None

    def _result(self, future: Future) -> object:
        if future.status != "finished":
            error = future.exception(timeout=_FETCH) if future.status == "error" else None
            return Lost(error)
        try:
            return future.result(timeout=_FETCH)
        except TimeoutError:
            raise
        except Exception as error:  # whatever Dask makes of a worker that died just now
            return Lost(error)

    def greeted(self, address: str, greeting: object) -> None:
        """Takes the worker, or refuses it."""
        if not isinstance(greeting, Greeting):
            error = greeting.error if isinstance(greeting, Lost) else greeting
            self.refuse(address, f"cannot load asr_prune as it is here ({error})")
        elif other := version_difference(identity(), greeting.versions):
            self.refuse(address, f"has {other}; install the same versions there")
        elif not greeting.one_thread:
            remedy = "start it with OPENBLAS_NUM_THREADS=1 in its environment"
            self.refuse(address, f"lets numpy use several threads, so that results may differ; {remedy}")
        else:
            self.hosts[address] = f"{greeting.host} {address}"

    def refuse(self, address: str, why: str) -> None:
        """Gives it no more tasks."""
        self.hosts.pop(address, None)
        self.refused[address] = f"the worker {address} {why}"
        log.warning("not used: %s", self.refused[address])

    def drop(self) -> None:
        """Cancels what is under way."""
        for _, future in self.doing.values():
            with suppress(Exception):
                future.cancel()
        if busy := list(self.doing):
            with suppress(Exception):  # workers without a nanny go on with their task
                self.client.restart_workers(busy, timeout=5, raise_for_error=False)
        self.doing.clear()


class Dispatch:
    """Does tasks with workers. project: its folder; wait: seconds that there may be no worker."""

    def __init__(self, workers: Workers, project: str, wait: float) -> None:
        self.workers, self.project, self.wait = workers, project, wait
        self.deaths: Counter[int] = Counter()

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
            if (now := time.monotonic()) - looked > _LOOK:
                looked = now
                for host, number in self.workers.look():
                    self._died(tasks, host, number, waiting)
            for address in self.workers.idle()[: len(waiting)]:
                number = waiting.popleft()
                self.workers.give(address, number, perform, tasks[number], self.project, marks[number])
            doing = (number for number, _ in self.workers.doing.values())
            watch([tasks[number] for number in doing if number != _GREETING])
            alone = time.monotonic() if self.workers.hosts else alone
            self._need_workers(alone)
            if (event := self.workers.next()) is None:
                continue
            address, number, result = event
            if number == _GREETING:
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
        if number == _GREETING:
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
        """Raises UserError if there is no worker that fits, and none to come."""
        own = self.workers
        if own.hosts or own.doing:
            return
        if own.refused:
            more = len(own.refused) - 1
            others = f" (and {more} more)" if more else ""
            raise UserError(f"{next(iter(own.refused.values()))}{others}, and there is no other worker.")
        if time.monotonic() - since > self.wait:
            raise UserError(
                f"the scheduler has had no worker for {self.wait:g} s; start workers with"
                " dask worker ADDRESS --nthreads 1, or wait longer: --set executor.wait=3600."
            )
