"""A recipe: one typed, validated file, and what `--set` changes in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import TypeAdapter, ValidationError

from asr_prune.acoustic.options import NO_EFFECT, NetworkOptions, TrainOptions
from asr_prune.errors import UserError, did_you_mean
from asr_prune.hmm.options import PassOptions
from asr_prune.options import first_problem, told, with_empty
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.registry import BrokenMethod, find_options, method_names
from asr_prune.recipe.aliases import OldKeys
from asr_prune.recipe.blocks import Recipe, Run, RunEntry
from asr_prune.recipe.inert import check_prune_keys
from asr_prune.recipe.lessons import check_lessons, is_taught, without_lessons
from asr_prune.recipe.messages import place, words_of
from asr_prune.recipe.naming import TARGETS, compact, differing, label, shortened, with_full_names
from asr_prune.recipe.packaged import RECIPE_FILE, no_recipe
from asr_prune.recipe.settings import (
    changed,
    known_keys,
    merged_prune,
    read_yaml,
    with_corpus_rate,
)

T = TypeVar("T")
#: what pydantic puts between the place of a pass and its keys
PASS_TYPES = {cls.type for cls in get_args(PassOptions)}


class Loaded:
    """A recipe as read: its blocks, its folder, and its runs.

    recipe: the blocks, `--set` applied; folder: where recipe.yaml lies; sets: what was set on the
    command line.
    """

    def __init__(self, folder: Path, sets: Sequence[str]) -> None:
        self.folder = folder
        self.path = folder / RECIPE_FILE
        if not self.path.is_file():
            raise UserError(no_recipe(self.path))
        old_keys = OldKeys(Recipe, _prune_options)
        self.written, self.lines = old_keys.in_file(self.path, *read_yaml(self.path))
        changes = [old_keys.in_set(text) for text in sets]
        self.sets = [
            f"{'.'.join(keys)}={text.partition('=')[2]}" for text, (keys, _) in zip(sets, changes, strict=True)
        ]
        self.tree = self._changed(changes)
        self._runs_set = {keys[0] for keys, _ in changes} & {"prune", "runs"}
        self._corpus_root_from_environment()
        self.tree = with_corpus_rate(self.tree)
        self.recipe: Recipe = self._build(Recipe, self.tree, ())

    def _changed(self, changes: Sequence[tuple[Sequence[str], Any]]) -> dict[str, Any]:
        """The recipe with what `--set` changes; keys of `prune` as `merged_prune` lays them over
        it.
        """
        tree, prune = self.written, self._written_prune
        over: dict[str, Any] = {}
        for keys, value in changes:
            if keys[0] != "prune":
                tree = changed(tree, keys, value)
            elif list(keys) == ["prune"] and not value:
                prune, over = {}, {"prune": {}}
            else:
                over = changed(over, keys, value)
        if "prune" not in over:
            return tree
        block = over["prune"]
        return {**tree, "prune": merged_prune(prune, block) if isinstance(block, dict) else block}

    @property
    def _written_prune(self) -> dict[str, Any]:
        """Block `prune` of recipe.yaml. Raises UserError if it is none."""
        block = self.written.get("prune") or {}
        return block if isinstance(block, dict) else self._as_written(Recipe, self.written, ()).prune

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
            validated: T = _adapter(cls).validate_python(with_empty(cls, tree))  # type: ignore[arg-type]
            return validated
        except ValidationError as error:
            raise UserError(self._sentence(cls, first_problem(error.errors()), path)) from None

    def _as_written(self, cls: type[T], tree: Any, path: tuple[str, ...]) -> T:
        """A block by recipe.yaml alone, which is what a message blames."""
        alone = copy(self)
        alone.sets = []
        return alone._build(cls, tree, path)

    def _sentence(self, cls: type, problem: Any, path: tuple[str, ...]) -> str:
        loc = tuple(str(part) for part in problem["loc"])
        full = tuple(part for part in (*path, *loc) if not part.endswith("Options") and part not in PASS_TYPES)
        if full not in self.lines and (*path[-1:], *loc) in self.lines:
            full = (*path[-1:], *loc)
        key, where = ".".join(full), self.where(full, words_of(problem))
        if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            return f"{where}: unknown key {key!r}{did_you_mean(loc[-1], known_keys(cls, loc[:-1]))}"
        if problem["type"] == "union_tag_invalid":
            tag, tags = problem["ctx"]["tag"], sorted(PASS_TYPES)
            return f"{where}: {key}: type {tag!r} is not known{did_you_mean(tag, tags)}"
        return f"{where}: {key + ': ' if key else ''}{told(problem)}."

    def where(self, key: tuple[str, ...], named: Sequence[str] = ()) -> str:
        """The `--set`, or else the line, that gives `key`, a part of it or the block around it.

        named: words of the message; what has one of them inside the block comes first.
        """
        return place(self.path, self.lines, self.sets, key, named)

    def runs(self) -> list[Run]:
        """The runs of the recipe: one for each entry of `runs:`, laid over the blocks; or one of
        the `prune:` block, if the recipe has no list or `prune.*` was set without `runs`.
        """
        one_run = self._runs_set == {"prune"} or not self.recipe.runs
        entries = [RunEntry()] if one_run else list(self.recipe.runs)
        runs, short = list[Run](), dict[str, str]()
        for i, entry in enumerate(entries):
            name, run = self._run(entry, i)
            runs.append(with_full_names(run, short | {other.name: other.name for other in runs}))
            short.setdefault(name, run.name)
        names = [run.name for run in runs]
        if repeated := [name for i, name in enumerate(names) if name in names[:i]]:
            raise UserError(
                f"{self.path}: two entries of runs are the same run {repeated[0]!r}; "
                "remove one or give them different settings."
            )
        check_lessons(entries, runs, self.sets, self.where)
        kept = self._written_prune if self._runs_set else {}
        check_prune_keys(entries, runs, self.recipe.prune, kept, self.where)
        return runs

    def _run(self, entry: RunEntry, index: int) -> tuple[str, Run]:
        """A run, and its name without what differs from recipe.yaml."""
        path: tuple[str, ...] = ("runs", str(index)) if entry != RunEntry() else ()
        network, train = ({**(self.tree.get(block) or {})} for block in ("network", "train"))
        prune = merged_prune(self.recipe.prune, entry.prune)
        prune = {key: value for key, value in prune.items() if key != "method" or value}
        network_options = self._build(NetworkOptions, network | entry.network, (*path, "network"))
        train_options = self._build(TrainOptions, train | entry.train, (*path, "train"))
        if not is_taught(network_options, train_options):
            train_options = without_lessons(train_options)
        kind = self._prune_class(prune, (*path, "prune"))
        usual = kind.usual(prune, network_options.plain_relu)
        chosen = self._build(kind, usual | prune, (*path, "prune"))
        self._check_fit(chosen, train_options.epochs, network_options.hidden, (*path, "prune"))
        seed = self.recipe.seed if entry.seed is None else entry.seed
        short = entry.name or label(chosen, self._usual(chosen, usual))
        name = shortened(short + self._deviations(network_options, train_options))
        return short, Run(
            name=name if seed == self.written.get("seed", 1) else f"{name}-s{seed}",
            seed=seed,
            prune=chosen,
            network=network_options,
            train=train_options,
        )

    def _check_fit(self, chosen: PruneOptions, epochs: int, hidden: Sequence[int], path: tuple[str, ...]) -> None:
        try:
            named: tuple[str, ...] = ("epochs", *chosen.LENGTHS)
            chosen.check_epochs(epochs)
            named = ("keep", "min_nodes", "floor")
            chosen.check_nodes(hidden)
        except ValueError as error:
            raise UserError(f"{self.where(path, named)}: {'.'.join(path)}: {error}.") from None

    def _usual(self, chosen: PruneOptions, usual: dict[str, Any]) -> PruneOptions:
        """Options of the method by recipe.yaml alone, without the target. usual: its defaults here."""
        block = self._written_prune
        same = block if block.get("method") == chosen.method else {"method": chosen.method}
        settings: dict[str, Any] = {key: value for key, value in (usual | same).items() if key not in TARGETS}
        return self._as_written(type(chosen), settings, ("prune",))

    def _prune_class(self, prune: dict[str, Any], path: tuple[str, ...]) -> type[PruneOptions]:
        name = str(prune.get("method", "none"))
        where = self.where((*path, "method"))
        try:
            return find_options(name)
        except BrokenMethod as error:
            raise UserError(f"{where}: {error}.") from error
        except ValueError:
            what = f"prune.method {name!r} is not known"
            raise UserError(f"{where}: {what}{did_you_mean(name, method_names())}") from None

    def _deviations(self, network: NetworkOptions, train: TrainOptions) -> str:
        """Settings that differ from recipe.yaml, as part of the run's name, so that a changed
        setting makes a new run beside the existing ones.
        """
        return "".join(f"-{key}-{compact(value)}" for key, value in self.deviations(network, train))

    def deviations(self, network: NetworkOptions, train: TrainOptions) -> list[tuple[str, Any]]:
        """Settings of a network and its training that count and differ from recipe.yaml."""
        network_options = self._as_written(NetworkOptions, self.written.get("network") or {}, ("network",))
        train_options = self._as_written(TrainOptions, self.written.get("train") or {}, ("train",))
        if not is_taught(network, train):
            train_options = without_lessons(train_options)
        changes = [*differing(network, network_options), *differing(train, train_options)]
        return [(key, value) for key, value in changes if key not in NO_EFFECT]


@cache
def _adapter(cls: type) -> TypeAdapter[Any]:
    """Made once of each class: making it takes longer than reading a block with it."""
    return TypeAdapter(cls)


def _prune_options(method: str) -> type[PruneOptions]:
    """The options class of a method; that which all methods share if there is no such method."""
    try:
        return find_options(method)
    except ValueError:
        return PruneOptions


def load_recipe(folder: Path | str, sets: Sequence[str] = ()) -> Loaded:
    """Reads and checks the recipe in `folder`, with `--set` texts applied.

    Raises UserError for an unknown key, a wrong type or a value out of range, with file and line or
    key path, and the most similar valid key.
    """
    return Loaded(Path(folder), sets)
