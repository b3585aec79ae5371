"""What a run is called: what sets it apart from the recipe as filed."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from asr_prune.pruning.options import PruneOptions

#: how much a method is asked to remove
ASKED = ("keep", "strength", "sparsity")
#: settings that say where a run is done and not what
PLACE_ONLY = {"device", "threads", "tensorboard"}


def differing(one: Any, other: Any) -> list[tuple[str, Any]]:
    """Fields of two options of one class in which `one` differs, with its values."""
    return [(f.name, getattr(one, f.name)) for f in fields(one) if getattr(one, f.name) != getattr(other, f.name)]


def label(prune: PruneOptions, usual: PruneOptions) -> str:
    """A run's name from its method, what it is asked to keep, and whatever is not as usual."""
    parts = "".join(f"-{key}{'' if key in ASKED else '-'}{compact(value)}" for key, value in differing(prune, usual))
    return ("dense" if prune.IS_DENSE else prune.method) + parts


def compact(value: Any) -> str:
    """A value as it may stand in a folder's name."""
    if isinstance(value, (tuple, list)):
        return f"{len(value)}x{value[0]}" if len(set(value)) == 1 else "_".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else re.sub(r"[\s/:]+", "_", str(value))


def variant(prune: PruneOptions) -> str | None:
    """Settings of a method that differ from its defaults, apart from those that the report has columns for."""
    changed = differing(prune, type(prune)(method=prune.method))
    return ", ".join(f"{key} {compact(value)}" for key, value in changed if key not in prune.COLUMNS) or None
