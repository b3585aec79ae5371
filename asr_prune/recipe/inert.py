"""Settings of a pruning method that mean nothing beside the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asr_prune.errors import UserError
from asr_prune.pruning.acts import inert
from asr_prune.pruning.options import PruneOptions
from asr_prune.recipe.blocks import Run, RunEntry

#: where a recipe gives a key
_Where = Callable[[tuple[str, ...], Sequence[str]], str]


def check_prune_keys(
    entries: Sequence[RunEntry],
    runs: Sequence[Run],
    block: Mapping[str, Any],
    kept: Mapping[str, Any],
    where: _Where,
) -> None:
    """Raises UserError if the entry of a run has such a setting, or the block `prune:` one that means
    nothing in any run. Runs of another method have none of the block; defaults may always be told.

    entries: one for each run; block: `prune:` as it is for these runs; kept: what it has of a
    recipe.yaml with other runs, which is not judged by these; where: the place of a key, for the
    message.
    """
    for i, (entry, run) in enumerate(zip(entries, runs, strict=True)):
        for key in entry.prune:
            if said := _said(run.prune, key):
                raise UserError(f"{where(('runs', str(i), 'prune', key), (key,))}: run {run.name}: {said}.")
    method = block.get("method")
    if any(entry.prune.get("method", method) != method for entry in entries):
        return
    for key in (key for key, value in block.items() if kept.get(key) != value):
        reasons = [_said(run.prune, key) for run in runs]
        if all(reasons):
            raise UserError(f"{where(('prune', key), (key,))}: {reasons[0]}.")


def _said(prune: PruneOptions, key: str) -> str | None:
    """That `key` means nothing, a sentence without its full stop; None if it acts."""
    found = inert(prune, key)
    return found and found.sentence(key, "prune.")
