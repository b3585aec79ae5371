"""A small network trained from scratch, of the widths that a pruned one has: what pruning has to beat."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from asr_prune.errors import UserError
from asr_prune.options import options
from asr_prune.pruning.method import Method
from asr_prune.pruning.options import PruneOptions


@options
class DenseSmallOptions(PruneOptions):
    #: a run of the recipe, listed before this one, whose surviving nodes per layer are this network's widths
    like: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.like is not None and self.keep is not None:
            raise ValueError("give like or keep, not both")
        if self.strength is not None:
            raise ValueError("dense_small takes like or keep, not strength")


class DenseSmall(Method):
    """Trains a network of fewer nodes as `none` trains the dense one, for the same epochs by the same schedule; each
    layer's dropout is lowered in proportion to its nodes, as a pruned network's is.
    """

    Options: ClassVar[type[PruneOptions]] = DenseSmallOptions
    options: DenseSmallOptions

    @property
    def penalises(self) -> bool:
        return False

    @classmethod
    def reads(cls, options: PruneOptions, runs: Path) -> list[Path]:
        assert isinstance(options, DenseSmallOptions)
        return [] if options.like is None else [runs / options.like / "nodes.json"]

    @classmethod
    def widths(cls, options: PruneOptions, hidden: Sequence[int], runs: Path) -> tuple[int, ...]:
        """Those of the run `like`, or `keep` of each layer, at least `min_nodes`.

        Raises UserError where that run has no nodes.json, or has other layers.
        """
        assert isinstance(options, DenseSmallOptions)
        if options.like is None:
            share = 1.0 if options.keep is None else options.keep
            return tuple(min(size, max(options.min_nodes, round(share * size))) for size in hidden)
        return _widths_of(runs / options.like / "nodes.json", hidden)

    def finish(self) -> list[Tensor]:
        return self.every_node()

    def scores(self) -> list[Tensor]:
        return [layer.norms("outgoing") for layer in self.layers]


def _widths_of(path: Path, hidden: Sequence[int]) -> tuple[int, ...]:
    if not path.is_file():
        raise UserError(
            f"{path} is missing, whose widths dense_small is to have; list the run {path.parent.name} before it in "
            "runs, or name another in prune.like."
        )
    try:
        layers = json.loads(path.read_text(encoding="utf-8"))["layers"]
        dense, kept = [int(layer["nodes"]) for layer in layers], [len(layer["kept"]) for layer in layers]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); delete it and run stage 4 (train) again.") from error
    if dense != list(hidden):
        raise UserError(f"{path} is of hidden layers {dense}, this run of {list(hidden)}; give both the same network.")
    return tuple(kept)
