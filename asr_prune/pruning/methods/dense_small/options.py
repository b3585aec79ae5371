"""Options of a small network trained from scratch, and where its widths come from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from asr_prune.errors import UserError
from asr_prune.integrity import checked
from asr_prune.options import options
from asr_prune.pruning.options import PruneOptions
from asr_prune.run_dir import RunDir


@options
class DenseSmallOptions(PruneOptions):
    REMOVES: ClassVar[bool] = False
    COLUMNS: ClassVar[tuple[str, ...]] = (*PruneOptions.COLUMNS, "like")
    #: another run of the recipe, listed before this one; the nodes that it keeps in each layer are
    #: this network's widths
    like: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.like is not None and self.keep is not None:
            raise ValueError("give like or keep, not both")
        if self.strength is not None:
            raise ValueError("dense_small takes like or keep, not strength")

    def reads(self, runs: Path) -> list[Path]:
        return [] if self.like is None else [RunDir(runs / self.like).nodes]

    def widths(self, hidden: Sequence[int], runs: Path) -> tuple[int, ...]:
        """The widths of the run `like`, or `keep` of each layer, at least `min_nodes`.

        Raises UserError if that run has no nodes.json, or has other layers.
        """
        if self.like is not None:
            return _widths_of(RunDir(runs / self.like).nodes, hidden)
        share = 1.0 if self.keep is None else self.keep
        return tuple(min(size, max(self.min_nodes, round(share * size))) for size in hidden)


def _widths_of(path: Path, hidden: Sequence[int]) -> tuple[int, ...]:
    if not path.is_file():
        raise UserError(
            f"{path}, which gives the widths of dense_small, is missing; list the run {path.parent.name} before this "
            "one in runs, or name another in prune.like."
        )
    try:
        layers = json.loads(checked(path).read_text(encoding="utf-8"))["layers"]
        dense, kept = (
            [int(layer["nodes"]) for layer in layers],
            [len(layer["kept"]) for layer in layers],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); delete it and run the train stage again.") from error
    if dense != list(hidden):
        raise UserError(f"{path} is of hidden layers {dense}, this run of {list(hidden)}; give both the same network.")
    return tuple(kept)
