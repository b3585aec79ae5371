"""What a sweep's file holds."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from asr_prune.options import options
from asr_prune.pruning.registry import is_dense_method
from asr_prune.recipe.blocks import check_seed

#: lists of targets, by the key of `prune` that they give
TARGET_LISTS = {"keeps": "keep", "budgets": "budget", "strengths": "strength"}
#: how runs call the dense run of their sweep as their teacher
DENSE_TEACHER = "dense"


@options
class MethodEntry:
    """One entry of `methods:`; its blocks are laid over those of the recipe, as entries of `runs:`
    are.
    """

    #: the method and its options; with a target (keep, budget, strength, sparsity, like) the entry
    #: is run at that target alone
    prune: dict[str, Any] = field(default_factory=dict)
    #: overrides keys of `network`, also those of the sweep's `networks`
    network: dict[str, Any] = field(default_factory=dict)
    #: overrides keys of `train`
    train: dict[str, Any] = field(default_factory=dict)
    #: values of prune.keep in place of all targets of the sweep
    keeps: tuple[float, ...] = ()
    #: values of prune.budget, likewise
    budgets: tuple[dict[str, Any], ...] = ()
    #: values of prune.strength, likewise
    strengths: tuple[float, ...] = ()


def is_dense_entry(entry: MethodEntry) -> bool:
    """Whether an entry is a dense run."""
    return is_dense_method(str(entry.prune.get("method", "")))


@options
class SweepOptions:
    #: what is compared; dense runs are made once, not at every size
    methods: tuple[MethodEntry, ...] = ()
    #: values of prune.keep
    keeps: tuple[float, ...] = ()
    #: values of prune.budget, such as {params: 0.2}
    budgets: tuple[dict[str, Any], ...] = ()
    #: values of prune.strength
    strengths: tuple[float, ...] = ()
    #: seeds of the networks; labels and features are the same for all; empty: the recipe's seed
    seeds: tuple[int, ...] = ()
    #: blocks laid over the recipe's `network`; empty: the recipe's network
    networks: tuple[dict[str, Any], ...] = ()
    #: teachers, as of train.teacher: a path, or a list of paths whose posteriors are averaged;
    #: null: none; dense: the sweep's first dense run of the same network and seed
    teachers: tuple[str | tuple[str, ...] | None, ...] = (None,)
    #: cross-validation: every run is made in each of so many folds, see corpus.folds; 0: none
    folds: int = 0
    #: settings for all runs, as of --set
    set: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.methods:
            raise ValueError("methods must have an entry, such as {prune: {method: none}}")
        for key in (*TARGET_LISTS, "seeds", "networks", "teachers", "set"):
            values = getattr(self, key)
            if repeated := [value for i, value in enumerate(values) if value in values[:i]]:
                raise ValueError(f"{key} has {repeated[0]} twice; remove one")
        if not self.teachers:
            raise ValueError("teachers must have an entry; null is no teacher")
        if DENSE_TEACHER in self.teachers and not any(map(is_dense_entry, self.methods)):
            raise ValueError("teachers has dense, but methods has none; add {prune: {method: none}} to methods")
        if self.folds < 0 or self.folds in (1, 2):
            raise ValueError(f"folds must be 3 or more, or 0 for none, not {self.folds}")
        for seed in self.seeds:
            check_seed(seed)
