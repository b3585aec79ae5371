"""A recipe: one typed, validated file, and what `--set` changes in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import TypeAdapter, ValidationError

from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.errors import UserError, did_you_mean
from asr_prune.hmm.options import PassOptions
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.registry import find_options, method_names
from asr_prune.recipe.aliases import OldKeys
from asr_prune.recipe.blocks import Recipe, Run, RunEntry
from asr_prune.recipe.naming import ASKED, PLACE_ONLY, compact, differing, label
from asr_prune.recipe.packaged import RECIPE_FILE, no_recipe
from asr_prune.recipe.settings import (
    PLAINLY,
    as_the_corpus,
    changed,
    known_keys,
    merged_prune,
    read_yaml,
)

T = TypeVar("T")
#: what pydantic puts between the place of a pass and its keys
PASS_TYPES = {cls.type for cls in get_args(PassOptions)}


class Loaded:
    """A recipe as read: its blocks, its folder, and its runs.

    recipe: the blocks, `--set` applied; folder: where recipe.yaml lies; sets: what was set on the command line.
    """

    def __init__(self, folder: Path, sets: Sequence[str]) -> None:
        self.folder = folder
        self.path = folder / RECIPE_FILE
        if not self.path.is_file():
            raise UserError(no_recipe(self.path))
        old_keys = OldKeys(Recipe, _prune_options)
        self.filed, self.lines = old_keys.in_file(self.path, *read_yaml(self.path))
        changes = [old_keys.in_set(text) for text in sets]
        self.sets = [
            f"{'.'.join(keys)}={text.partition('=')[2]}" for text, (keys, _) in zip(sets, changes, strict=True)
        ]
        self.tree = self.filed
        over: dict[str, Any] = {}
        for keys, value in changes:
            if keys[0] == "prune":
                over = changed(over, keys, value)
            else:
                self.tree = changed(self.tree, keys, value)
        if "prune" in over:
            asked = over["prune"]
            asked = merged_prune(self.filed.get("prune") or {}, asked) if isinstance(asked, dict) else asked
            self.tree = changed(self.tree, ["prune"], asked)
        self._one_run = {keys[0] for keys, _ in changes} & {"prune", "runs"} == {"prune"}
        self._corpus_root_from_environment()
        self.tree = as_the_corpus(self.tree)
        self.recipe: Recipe = self._build(Recipe, self.tree, ())

    @property
    def name(self) -> str:
        return self.recipe.name or self.folder.resolve().name

    @property
    def project(self) -> Path:
        """The folder that holds recipes/."""
        return self.folder.resolve().parent.parent

    def _corpus_root_from_environment(self) -> None:
        """Without corpus.root, the environment variable that corpus.root_from names gives it."""
        corpus = self.tree.get("corpus")
        if isinstance(corpus, dict) and not corpus.get("root"):
            root = os.environ.get(str(corpus.get("root_from") or ""))
            self.tree = changed(self.tree, ["corpus", "root"], root) if root else self.tree

    def _build(self, cls: type[T], tree: Any, path: tuple[str, ...]) -> T:
        try:
            return TypeAdapter(cls).validate_python(tree)
        except ValidationError as error:
            raise UserError(self._sentence(cls, error.errors()[0], path)) from None

    def _sentence(self, cls: type, problem: Any, path: tuple[str, ...]) -> str:
        loc = tuple(str(part) for part in problem["loc"])
        full = tuple(part for part in (*path, *loc) if not part.endswith("Options") and part not in PASS_TYPES)
        if full not in self.lines and (*path[-1:], *loc) in self.lines:
            full = (*path[-1:], *loc)
        key, where = ".".join(full), self._where(full)
        if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            return f"{where}: unknown key {key!r}{did_you_mean(loc[-1], known_keys(cls, loc[:-1]))}."
        if problem["type"] == "union_tag_invalid":
            tag, tags = problem["ctx"]["tag"], sorted(PASS_TYPES)
            return f"{where}: {key}: type {tag!r} is not known{did_you_mean(tag, tags)}."
        text = PLAINLY.get(problem["type"], problem["msg"].removeprefix("Value error, "))
        got = problem.get("input")
        told = "" if isinstance(got, dict) else f" (got {got!r:.60})"
        return f"{where}: {key + ': ' if key else ''}{text[:1].lower() + text[1:]}{told}."

    def _where(self, key: tuple[str, ...]) -> str:
        """The `--set` or the line that set `key`, or something in or around it."""
        for text in self.sets:
            if all(one == other for one, other in zip(text.split("=")[0].split("."), key, strict=False)):
                return f"--set {text}"
        line = next((self.lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in self.lines), None)
        return f"{self.path}{f' line {line}' if line else ''}"

    def runs(self) -> list[Run]:
        """The runs of the recipe: its `runs:` entries laid over the blocks, or one run of the `prune:` block where
        there is no list or a `prune.*` was set and no list with it.
        """
        entries = [RunEntry()] if self._one_run or not self.recipe.runs else list(self.recipe.runs)
        runs = [self._run(entry, i) for i, entry in enumerate(entries)]
        twice = [r.name for i, r in enumerate(runs) if r.name in [q.name for q in runs[:i]]]
        if twice:
            raise UserError(
                f"{self.path}: two entries of runs are the same run {twice[0]!r}; "
                "drop one or give them different settings."
            )
        return runs

    def _run(self, entry: RunEntry, index: int) -> Run:
        path: tuple[str, ...] = ("runs", str(index)) if entry != RunEntry() else ()
        network, train = ({**(self.tree.get(block) or {})} for block in ("network", "train"))
        prune = merged_prune(self.recipe.prune, entry.prune)
        own_network = self._build(NetworkOptions, network | entry.network, (*path, "network"))
        own_train = self._build(TrainOptions, train | entry.train, (*path, "train"))
        chosen = self._build(self._prune_class(prune, (*path, "prune")), prune, (*path, "prune"))
        seed = self.recipe.seed if entry.seed is None else entry.seed
        name = (entry.name or label(chosen, self._usual(chosen))) + self._deviations(own_network, own_train)
        return Run(
            name=name if seed == self.filed.get("seed", 1) else f"{name}-s{seed}",
            seed=seed,
            prune=chosen,
            network=own_network,
            train=own_train,
        )

    def _usual(self, chosen: PruneOptions) -> PruneOptions:
        """What a run of this method is like by the recipe as filed, but for how much it is asked to keep."""
        filed = self.filed.get("prune") or {}
        same = filed if filed.get("method") == chosen.method else {"method": chosen.method}
        settings: dict[str, Any] = {key: value for key, value in same.items() if key not in ASKED}
        return type(chosen)(**settings)

    def _prune_class(self, prune: dict[str, Any], path: tuple[str, ...]) -> type[PruneOptions]:
        name = str(prune.get("method", "none"))
        try:
            return find_options(name)
        except ValueError:
            where = self._where((*path, "method"))
            what = f"prune.method {name!r} is not known"
            raise UserError(f"{where}: {what}{did_you_mean(name, method_names())}.") from None

    def _deviations(self, network: NetworkOptions, train: TrainOptions) -> str:
        """What sets a run apart from the recipe as filed, so that a changed setting makes a run beside those already
        made.
        """
        own_network = self._build(NetworkOptions, self.filed.get("network") or {}, ("network",))
        own_train = self._build(TrainOptions, self.filed.get("train") or {}, ("train",))
        told = {
            f"{key}": value
            for key, value in [*differing(network, own_network), *differing(train, own_train)]
            if key not in PLACE_ONLY
        }
        return "".join(f"-{key}-{compact(value)}" for key, value in told.items())


def _prune_options(method: str) -> type[PruneOptions]:
    """Of a method by name; those that all methods share if there is no such method."""
    try:
        return find_options(method)
    except ValueError:
        return PruneOptions


def load_recipe(folder: Path | str, sets: Sequence[str] = ()) -> Loaded:
    """Reads and checks the recipe in `folder`, with `--set` texts applied.

    Raises UserError naming file, line or key path, and the nearest valid key, for an unknown key, a wrong type or a
    value out of range.
    """
    return Loaded(Path(folder), sets)
