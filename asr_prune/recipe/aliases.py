"""Old names of recipe keys: each is renamed, with a note, before anything else reads a recipe or a
`--set`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from asr_prune.errors import UserError
from asr_prune.options import renamed_keys
from asr_prune.recipe.settings import Lines, changed, options_classes, parse_set

log = logging.getLogger(__name__)

#: keys from the top of a recipe to a value
_Path = tuple[str, ...]


class OldKeys:
    """Renames the keys in ALIASES of the options classes.

    recipe: the options class of the whole recipe; prune_options: that of a pruning method, by name.
    """

    def __init__(self, recipe: type, prune_options: Callable[[str], type]) -> None:
        self.recipe, self.prune_options, self.method = recipe, prune_options, "none"
        self.renamed: dict[_Path, str] = {}  # old path -> new key
        self.notes: dict[_Path, str] = {}  # old path -> note, of one file or setting

    def in_file(self, path: Path, tree: dict[str, Any], lines: Lines) -> tuple[dict[str, Any], Lines]:
        """A recipe and the lines of its keys, renamed. Raises UserError if both names of a key are
        given.
        """
        renamed = self._replace(tree, str(path))
        for old, note in self.notes.items():
            log.warning("%s line %s: %s", path, lines.get(old, "?"), note)
        return renamed, {self._new(old): line for old, line in lines.items()}

    def in_set(self, text: str) -> tuple[list[str], Any]:
        """`--set text` as `parse_set`, renamed. Raises UserError as `parse_set` and `in_file`."""
        keys, value = parse_set(text)
        tree: Any = self._replace(changed({}, keys, value), f"--set {text}")
        for note in self.notes.values():
            log.warning("--set %s: %s", text, note)
        path = self._new(keys)
        for key in path:
            tree = tree[key]
        return list(path), tree

    def _new(self, old: Sequence[str]) -> _Path:
        return tuple(self.renamed.get(tuple(old[: i + 1]), key) for i, key in enumerate(old))

    def _replace(self, tree: dict[str, Any], where: str) -> dict[str, Any]:
        self.notes = {}
        prune = tree.get("prune")
        if isinstance(prune, dict):
            self.method = str(prune.get("method", self.method))
        try:
            blocks = self._block(self.recipe, tree, ())
            if isinstance(runs := blocks.get("runs"), list):
                blocks["runs"] = [self._run(run, ("runs", str(i))) for i, run in enumerate(runs)]
            return self._pruning(blocks, ())
        except ValueError as error:
            raise UserError(f"{where}: {error}.") from None

    def _run(self, run: Any, path: _Path) -> Any:
        """An entry of `runs`, whose blocks are those of the recipe."""
        if not isinstance(run, dict):
            return run
        hints = get_type_hints(self.recipe)
        blocks = {key: self._value(hints.get(key), value, (*path, key)) for key, value in run.items()}
        return self._pruning(blocks, path)

    def _pruning(self, blocks: dict[str, Any], path: _Path) -> dict[str, Any]:
        """`blocks` with the keys of the method's own options renamed."""
        prune = blocks.get("prune")
        if not isinstance(prune, dict):
            return blocks
        cls = self.prune_options(str(prune.get("method", self.method)))
        return blocks | {"prune": self._block(cls, prune, (*path, "prune"))}

    def _block(self, cls: type, block: dict[str, Any], path: _Path) -> dict[str, Any]:
        renamed, notes = renamed_keys(cls, block)
        pairs = [(old, new) for old, new in zip(block, renamed, strict=True) if old != new]
        for (old, new), note in zip(pairs, notes, strict=True):
            self.renamed[(*path, old)], self.notes[(*path, old)] = new, note
        hints = get_type_hints(cls)
        return {key: self._value(hints.get(key), value, (*path, key)) for key, value in renamed.items()}

    def _value(self, hint: Any, value: Any, path: _Path) -> Any:
        if is_dataclass(hint) and isinstance(value, dict):
            return self._block(hint, value, path)  # type: ignore[arg-type]
        if not isinstance(value, list):
            return value
        types = {getattr(cls, "type", None): cls for cls in options_classes(hint)}
        items = [item.get("type") if isinstance(item, dict) else None for item in value]
        return [
            self._block(types[name], item, (*path, str(i))) if name and name in types else item
            for i, (name, item) in enumerate(zip(items, value, strict=True))
        ]
