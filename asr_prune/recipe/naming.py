"""Names of runs: the method and what differs from recipe.yaml."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from asr_prune.pruning.budget import BudgetOptions
from asr_prune.pruning.options import PruneOptions
from asr_prune.recipe.blocks import Run

#: how much a method removes
TARGETS = ("keep", "budget", "strength", "sparsity")
#: bytes of a name; file systems take 255, of which temporary files and the seed need some
LONGEST = 200


def differing(one: Any, other: Any) -> list[tuple[str, Any]]:
    """Fields of two options of one class in which `one` differs, with its values."""
    return [(f.name, getattr(one, f.name)) for f in fields(one) if getattr(one, f.name) != getattr(other, f.name)]


def label(prune: PruneOptions, usual: PruneOptions) -> str:
    """A run's name: its method, its target, and what differs from the usual options."""
    parts = "".join(f"-{_part(key, value)}" for key, value in differing(prune, usual))
    return ("dense" if prune.IS_DENSE else prune.method) + parts


def _part(key: str, value: Any) -> str:
    if isinstance(value, BudgetOptions):
        return str(value).replace(" ", "")
    return f"{key}{'' if key in TARGETS else '-'}{compact(value)}"


def compact(value: Any) -> str:
    """A value as part of a folder's name."""
    if isinstance(value, (tuple, list)):
        alike = len(set(value)) == 1 and isinstance(value[0], (int, float))
        return f"{len(value)}x{value[0]}" if alike else "_".join(map(compact, value))
    return f"{value:g}" if isinstance(value, float) else re.sub(r"[\s/:]+", "_", str(value))


def shortened(name: str) -> str:
    """`name`, or of one that is too long for a folder its beginning and a digest of all of it."""
    encoded = name.encode()
    if len(encoded) <= LONGEST:
        return name
    mark = f"-{hashlib.sha256(encoded).hexdigest()[:8]}"
    return encoded[: LONGEST - len(mark)].decode(errors="ignore") + mark


def variant(prune: PruneOptions) -> str | None:
    """Settings of a method that differ from its defaults, apart from those that the report has
    columns for.
    """
    usual = {key: value for key, value in prune.usual(vars(prune)).items() if key not in TARGETS}
    changed = differing(prune, type(prune)(method=prune.method, **usual))
    return ", ".join(f"{key} {compact(value)}" for key, value in changed if key not in prune.COLUMNS) or None


def with_full_names(run: Run, known: Mapping[str, str]) -> Run:
    """`run` with the full names of the runs that it refers to, which have what `--set` changes.

    known: full names of the runs before it, by what they may be called.
    """
    teachers = tuple(known.get(name, name) for name in run.train.teachers)
    if teachers != run.train.teachers:
        run = replace(run, train=replace(run.train, teacher=teachers))
    like = getattr(run.prune, "like", None)
    if like is None or like not in known:
        return run
    return replace(run, prune=replace(run.prune, like=known[like]))  # type: ignore[call-arg]
