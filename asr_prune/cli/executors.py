"""Where a verb's work is done: the option --executor, and the executor while a verb runs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from asr_prune.errors import UserError
from asr_prune.recipe.executor_file import executor_alone, executor_settings
from asr_prune.spread.dask_executor import DaskExecutor
from asr_prune.spread.executor import chosen
from asr_prune.spread.options import ExecutorOptions

_SAYS = "where work is done: local, tcp://host:8786 of a Dask scheduler, or a file (docs/cluster.md)"


class ExecutorAction(argparse.Action):
    """Makes `--executor` settings of the recipe, so that all that knows --set knows it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        try:
            namespace.set = [*namespace.set, *executor_settings(str(values))]
        except UserError as error:
            raise argparse.ArgumentError(self, str(error).removesuffix(".")) from None
        setattr(namespace, self.dest, values)


def add_executor(verb: argparse.ArgumentParser) -> None:
    """--executor, of verbs on a recipe that share work."""
    verb.add_argument("--executor", action=ExecutorAction, metavar="WHERE", help=_SAYS)


def add_executor_alone(verb: argparse.ArgumentParser) -> None:
    """--executor, of verbs without a recipe that share work: its `ExecutorOptions`."""
    usual = ExecutorOptions()
    verb.add_argument("--executor", type=_alone, default=usual, metavar="WHERE", help=_SAYS)


def _alone(text: str) -> ExecutorOptions:
    try:
        return executor_alone(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error).removesuffix(".")) from None


def described(options: ExecutorOptions, nj: int) -> str:
    """Who works, in figures; nothing is started or asked. nj: processes of this machine."""
    if options.type == "local":
        return f"{nj} {'process' if nj == 1 else 'processes'} of this machine"
    if options.cluster is None:
        return f"the workers of the Dask scheduler at {options.address}"
    own = options.cluster
    kind, workers = "pod" if own.type == "kubernetes" else "job", own.jobs * own.workers
    jobs = f"{own.jobs} {kind}{'s' * (own.jobs > 1)} of {own.type}"
    return f"{jobs}, {workers} worker{'s' * (workers > 1)}"


@contextmanager
def executing(options: ExecutorOptions) -> Iterator[None]:
    """Within the block work is done where `options` say; what is started for it ends with it."""
    if options.type == "local":
        yield
        return
    with chosen(DaskExecutor(options)):
        yield
