"""Options of a small network trained from scratch, and where its widths come from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from asr_prune.errors import UserError
from asr_prune.integrity import checked
from asr_prune.options import options
from asr_prune.pruning.acts import Inert, Rule
from asr_prune.pruning.counts import check_request, even_counts
from asr_prune.pruning.options import PruneOptions
from asr_prune.run_dir import RunDir


def _of_own_widths(options: Any) -> Inert | None:
    return Inert("like gives the widths", "give keep in place of like") if options.like else None


def _of_phases(options: Any) -> Inert | None:
    """Nothing is done in them, but a new learning rate or two maps for the output layer may come at
    their end.
    """
    if options.release_rate is not None or options.output_rank is not None:
        return None
    return Inert("dense_small trains alike from the first update to the last")


@options
class DenseSmallOptions(PruneOptions):
    REMOVES: ClassVar[bool] = False
    SMALL: ClassVar[bool] = True
    EVEN: ClassVar[bool] = True
    ACTS: ClassVar[Mapping[str, Rule]] = {
        **PruneOptions.ACTS,
        **dict.fromkeys(("warm_up", "press", "fine_tune"), _of_phases),
        "min_nodes": _of_own_widths,
    }
    COLUMNS: ClassVar[tuple[str, ...]] = (*PruneOptions.COLUMNS, "like")
    ASKS: ClassVar[tuple[str, ...]] = ("keep", "budget", "like")
    #: another run of the recipe, listed before this one; the nodes that it keeps in each layer are
    #: this network's widths, and it reads the same inputs
    like: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for other in ("keep", "budget"):
            if self.like is not None and getattr(self, other) is not None:
                raise ValueError(f"give like or {other}, not both")
        if self.strength is not None:
            raise ValueError("dense_small takes like or keep, not strength")

    def reads(self, runs: Path) -> list[Path]:
        return [] if self.like is None else [RunDir(runs / self.like).nodes]

    def widths(self, hidden: Sequence[int], runs: Path) -> tuple[int, ...]:
        """The widths of the run `like`, or `keep` of each layer, at least `min_nodes`; those of a
        budget follow from the network, see `train_run`.

        Raises UserError if that run has no nodes.json, or has other layers.
        """
        if self.like is not None:
            return _widths_of(RunDir(runs / self.like).nodes, hidden)
        if self.keep is None:
            return tuple(hidden)
        minima = [min(size, self.min_nodes) for size in hidden]
        return tuple(even_counts(hidden, round(self.keep * sum(hidden)), minima))

    def check_nodes(self, hidden: Sequence[int]) -> None:
        if self.keep is not None:
            check_request(hidden, self.keep, self.min_nodes, 0.0)

    def columns(self, runs: Path) -> list[int] | None:
        """Those of the run `like`, if it pruned its inputs. Raises UserError as `widths`."""
        if self.like is None:
            return None
        path = RunDir(runs / self.like).nodes
        try:
            inputs = _nodes_of(path).get("inputs")
            columns = None if inputs is None else [range(inputs["nodes"])[column] for column in inputs["kept"]]
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise _damaged(path, error) from error
        return columns


def _widths_of(path: Path, hidden: Sequence[int]) -> tuple[int, ...]:
    try:
        layers = _nodes_of(path)["layers"]
        dense, kept = (
            [layer["nodes"] for layer in layers],
            [len(layer["kept"]) for layer in layers],
        )
    except (KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    if dense != list(hidden):
        raise UserError(f"{path} is of hidden layers {dense}, this run of {list(hidden)}; give both the same network.")
    return tuple(kept)


def _nodes_of(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(
            f"{path}, which gives the widths of dense_small, is missing; list the run {path.parent.name} before this "
            "one in runs, or name another in prune.like."
        )
    try:
        content: dict[str, Any] = json.loads(checked(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(path, error) from error
    return content


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} is damaged ({error}); delete it and run the train stage again.")
