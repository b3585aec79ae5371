"""The recipe's local script."""

from __future__ import annotations

from pathlib import Path

from asr_prune.corpus import script
from asr_prune.workflow.context import Context


def find_script(context: Context) -> Path:
    """The recipe's local script, looked for from here and from the project that holds the recipe."""
    loaded = context.loaded
    bases = (Path(), loaded.folder.resolve().parent.parent)
    return script.find_script(context.recipe.corpus.prepare, bases, str(loaded.path))
