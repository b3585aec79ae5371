"""The workers of a Dask scheduler: who is there, who fits, and what each is given."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asr_prune.spread.identity import identity, version_difference
from asr_prune.spread.remote import Greeting, greet

if TYPE_CHECKING:
    from distributed import Client, Future

log = logging.getLogger(__name__)

#: seconds between two looks at which workers there are
LOOK = 0.5
#: what is asked of a worker before its first task
GREETING = -1
#: what Dask's names of greetings begin with
_GREETINGS = f"{greet.__name__}-"
#: seconds in which a result that is ready must come
_FETCH = 1


@dataclass(frozen=True)
class Lost:
    """What is had of a worker that could not do what it was given."""

    error: object


class SchedulerGone(Exception):
    """The scheduler does not answer any more."""


class Workers:
    """The workers of a scheduler: which are there, which of them fit, and what each is doing.

    hosts: of those that fit, by address; refused: why others do not, by address; doing: the number
    of its task, or GREETING, by address.
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
            self.give(address, GREETING, greet)

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
            address, future = self.events.get(timeout=LOOK)
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
        """Cancels what is under way. A worker that does a task of this command is started again, since
        a task that has begun cannot be cancelled; but not one that has another command's task, too.
        """
        busy = []
        with suppress(Exception):  # the scheduler may be gone
            busy = self._own()
        for _, future in self.doing.values():
            with suppress(Exception):
                future.cancel()
        if busy:
            with suppress(Exception):  # workers without a nanny go on with their task
                self.client.restart_workers(busy, timeout=5, raise_for_error=False)
        self.doing.clear()

    def _own(self) -> list[str]:
        """Workers that have a task of this command, and of no other one."""
        tasks = {address: own.key for address, (number, own) in self.doing.items() if number != GREETING}
        found = self.client.processing() if tasks else {}
        begun = {at: {*found[at]} - {own} for at, own in tasks.items() if own in found.get(at, ())}
        return [at for at, others in begun.items() if all(str(key).startswith(_GREETINGS) for key in others)]
