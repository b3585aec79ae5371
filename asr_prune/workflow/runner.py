"""Runs the works that are due and skips the others."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import listing, sweep
from asr_prune.integrity import Damaged, forget
from asr_prune.layout import Layout
from asr_prune.run_dir import LEDGER
from asr_prune.spread.task import find_job
from asr_prune.workflow.ledger import Fingerprint, Hashes, Ledger, digest_of
from asr_prune.workflow.lock import alone
from asr_prune.workflow.work import Listing, Work, optional_files, plain

log = logging.getLogger(__name__)


class MissingInput(UserError):
    """An input does not exist. stage: what makes it."""

    def __init__(self, path: Path, stage: str) -> None:
        super().__init__(f"{path} is missing; run the {stage} stage, which makes it.")
        self.stage = stage


class DamagedInput(UserError):
    """An input is not what its stage wrote. stage: what makes it."""

    def __init__(self, path: Path, stage: str) -> None:
        super().__init__(f"{path} was changed or damaged after the {stage} stage wrote it; run that stage again.")
        self.stage = stage


@dataclass(frozen=True)
class State:
    """Whether a work is due, and why. waits: it may turn out up to date once the works before it
    are done; begun: it goes on with what an earlier start of it has left.
    """

    work: Work
    due: bool
    why: str
    waits: bool = False
    begun: bool = False


class Runner:
    """Runs works of one experiment.

    accept_code: results whose code alone has changed are kept, and recorded as such.
    """

    def __init__(self, layout: Layout, accept_code: bool = False) -> None:
        self.layout, self.accept_code = layout, accept_code
        self.hashes = Hashes(layout.hashes)

    def ledger(self, work: Work) -> Ledger:
        return Ledger(work.home, self.hashes)

    def fingerprint(self, work: Work) -> Fingerprint:
        """What `work` depends on, as things stand."""
        files = [*work.inputs, *optional_files(work)]
        inputs = {str(path): self.hashes.of(path) for path in files}
        listings = [item for item in work.optional if isinstance(item, Listing)]
        inputs |= {item.places: listing(find_job(item.places)(**item.arguments)) for item in listings}
        closure = self.hashes.sources.closure([work.job.partition(":")[0], *work.code])
        scripts = {name: self.hashes.sources.of(path) for name, path in work.scripts.items()}
        code = {name: source.digest for name, source in (closure | scripts).items()}
        libraries = self.hashes.sources.libraries([*closure.values(), *scripts.values()])
        return Fingerprint(work.job, digest_of(plain(work.arguments)), inputs, code, libraries)

    def state(self, work: Work) -> State:
        """Whether `work` is due as things stand, and why."""
        if missing := next((path for path in work.inputs if not path.exists()), None):
            return State(work, True, f"{missing} is missing")
        ledger = self.ledger(work)
        recorded = ledger.recorded(work.entry)
        if not recorded:
            before = ledger.begun(work.entry)
            begun = before != "" and before == self.fingerprint(work).digest()
            return State(work, True, "not done yet", begun=begun)
        fingerprint = self.fingerprint(work)
        changes = fingerprint.changes(recorded)
        why = f"changed: {'; '.join(changes)}" if changes else ""
        if changes and not (self.accept_code and fingerprint.changed_in_code_only(recorded)):
            return State(work, True, why)
        if lost := ledger.lost_output(work.entry):
            return State(work, True, f"{lost} is {'changed' if lost.exists() else 'missing'}")
        return State(work, False, why)

    def survey(self, works: Iterable[Work]) -> Iterator[State]:
        """The state of each work if all were run in this order; runs nothing. A work that reads
        what a due work makes is due as well: whether it really is shows only then.
        """
        due: dict[tuple[str, str, str], None] = {}
        made: dict[Path, str] = {}  # by due works
        for work in works:
            state = self.state(work)
            makers = set(product(work.inputs.values(), ("", work.run), ("", work.fold)))
            waits = [own[0] for own in due if own in makers or own[0] in work.after]
            waits += [made[path] for path in work.inputs if path in made]
            if waits and not state.why.startswith("changed"):
                state = State(work, True, f"after {waits[-1]}", waits=True)
            if state.due:
                due[work.stage, work.run, work.fold] = None
                made |= dict.fromkeys(work.outputs, work.stage)
            yield state

    def run(self, works: Iterable[Work]) -> None:
        """Does each work that is due, in order.

        Raises MissingInput if an input does not exist, DamagedInput if a job fails on an input that
        has changed since its stage wrote it, and UserError as the jobs do.
        """
        for work in works:
            self._once(work)
            self.hashes.save()

    def _once(self, work: Work) -> None:
        for path, maker in work.inputs.items():
            if not path.exists():
                raise MissingInput(path, maker)
        state = self.state(work)
        if state.due:
            self._alone(work)
        elif state.why:
            self._accept(work, state.why)
        else:
            log.info("%s: up to date", work.title)

    def _alone(self, work: Work) -> None:
        """Does a due work; one of a run not beside another process, which may have done it."""
        with alone(work.home / LEDGER) if work.run else nullcontext(False) as waited:
            if waited and not self.state(work).due:
                log.info("%s: up to date", work.title)
                return
            log.info("%s: %s", work.title, work.says)
            self._do(work)

    def _accept(self, work: Work, why: str) -> None:
        log.info("%s: kept though code has changed (%s)", work.title, why)
        ledger = self.ledger(work)
        recorded = ledger.recorded(work.entry)
        outputs = [Path(path) for path in recorded["outputs"]]
        ledger.mark(work.entry, self.fingerprint(work), outputs, [*recorded.get("code_accepted", []), why])

    def _do(self, work: Work) -> None:
        ledger, fingerprint = self.ledger(work), self.fingerprint(work)
        # beside a work of a run there may be others, in processes of their own
        for folder in [work.home] if work.run else [self.layout.data, self.layout.exp]:
            sweep(folder)
        ledger.forget(work.entry, work.outputs)
        forget(work.outdates)
        for path in work.outdates:
            path.unlink(missing_ok=True)
        ledger.begin(work.entry, fingerprint.digest(), work.unfinished)
        try:
            written = find_job(work.job)(**work.arguments, **work.uncounted)
        except Damaged:
            raise
        except UserError as error:
            self._blame_input(work, error)
            raise
        if lost := next((path for path in work.outputs if not path.is_file()), None):
            raise UserError(f"{lost} should have been written by the {work.stage} stage; see its log.")
        ledger.mark(work.entry, fingerprint, [*work.outputs, *(written or ())])

    def _blame_input(self, work: Work, error: UserError) -> None:
        """Raises DamagedInput if `error` names an input that has changed since its stage wrote it."""
        folders = [folder for folder in (work.home, *work.home.parents) if folder.is_relative_to(self.layout.exp)]
        ledgers = [Ledger(folder, self.hashes) for folder in folders]
        for path, maker in work.inputs.items():
            written = next((found for own in ledgers if (found := own.written(maker, path))), None)
            if written and written != self.hashes.of(path) and str(path) in str(error):
                raise DamagedInput(path, maker) from error
