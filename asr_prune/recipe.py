"""A recipe: one typed, validated file, and what `--set` changes in it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import TypeAdapter, ValidationError

from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.corpus.options import CorpusOptions
from asr_prune.decode.options import DecodeOptions
from asr_prune.errors import UserError
from asr_prune.features.options import FeaturesOptions
from asr_prune.hmm.options import HmmOptions
from asr_prune.lang.options import LangOptions
from asr_prune.options import options
from asr_prune.pruning.options import PruneOptions
from asr_prune.report.options import ReportOptions
from asr_prune.score.options import ScoreOptions

T = TypeVar("T")
FILE = "recipe.yaml"


@options
class Recipe:
    """All blocks of a recipe; each block's class says what it may hold."""

    #: names the folders data/<name> and exp/<name>; by default the recipe folder's name
    name: str = ""
    #: the one seed of corpus, training and scoring
    seed: int = 1
    corpus: CorpusOptions = CorpusOptions()
    lang: LangOptions = LangOptions()
    features: FeaturesOptions = FeaturesOptions()
    hmm: HmmOptions = HmmOptions()
    network: NetworkOptions = NetworkOptions()
    train: TrainOptions = TrainOptions()
    #: method, and that method's own options
    prune: dict[str, Any] = field(default_factory=lambda: {"method": "none"})
    #: entries that override prune, network, train or seed, each one run
    runs: tuple[dict[str, Any], ...] = ()
    decode: DecodeOptions = DecodeOptions()
    score: ScoreOptions = ScoreOptions()
    report: ReportOptions = ReportOptions()


@options
class Run:
    """One training run of a recipe, everything decided."""

    name: str
    seed: int
    prune: PruneOptions
    network: NetworkOptions
    train: TrainOptions


class Loaded:
    """A recipe as read: its blocks, its folder, and its runs.

    recipe: the blocks, `--set` applied; folder: where recipe.yaml lies; sets: what was set on the command line.
    """

    def __init__(self, folder: Path, sets: Sequence[str]) -> None:
        self.folder, self.sets = folder, list(sets)
        self.path = folder / FILE
        self.lines: dict[tuple[str, ...], int] = {}
        self.filed = self._read()
        changes = [parse_set(text) for text in sets]
        self.tree = self.filed
        over: dict[str, Any] = {}
        for keys, value in changes:
            if keys[0] == "prune":
                over = changed(over, keys, value)
            else:
                self.tree = changed(self.tree, keys, value)
        if isinstance(over.get("prune"), dict):
            self.tree = changed(self.tree, ["prune"], merged_prune(self.filed.get("prune") or {}, over["prune"]))
        self._one_run = any(keys[0] == "prune" for keys, _ in changes)
        self._corpus_root_from_environment()
        self.recipe: Recipe = self._build(Recipe, self.tree, ())

    @property
    def name(self) -> str:
        return self.recipe.name or self.folder.resolve().name

    def _read(self) -> dict[str, Any]:
        if not self.path.is_file():
            raise UserError(
                f"{self.path} is not there; --recipe takes a folder that holds a {FILE}, for instance recipes/demo."
            )
        text = self.path.read_text(encoding="utf-8")
        try:
            self._note_lines(yaml.compose(text), ())
            tree = yaml.safe_load(text) or {}
        except yaml.YAMLError as error:
            where = getattr(error, "problem_mark", None)
            line = f" line {where.line + 1}" if where else ""
            raise UserError(f"{self.path}{line} is not valid YAML: {getattr(error, 'problem', error)}.") from error
        if not isinstance(tree, dict):
            raise UserError(
                f"{self.path} must hold blocks such as `corpus:` and `prune:`, not a {type(tree).__name__}."
            )
        return tree

    def _note_lines(self, node: yaml.Node | None, path: tuple[str, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self.lines[(*path, str(key.value))] = key.start_mark.line + 1
                self._note_lines(value, (*path, str(key.value)))
        elif isinstance(node, yaml.SequenceNode):
            for i, value in enumerate(node.value):
                self._note_lines(value, (*path, str(i)))

    def _corpus_root_from_environment(self) -> None:
        root = os.environ.get(f"{self.folder.resolve().name.upper()}_ROOT")
        if root and not (self.tree.get("corpus") or {}).get("root"):
            self.tree = changed(self.tree, ["corpus", "root"], root)

    def _build(self, cls: type[T], tree: Any, path: tuple[str, ...]) -> T:
        try:
            return TypeAdapter(cls).validate_python(tree)
        except ValidationError as error:
            raise UserError(self._sentence(cls, error.errors()[0], path)) from None

    def _sentence(self, cls: type, problem: Any, path: tuple[str, ...]) -> str:
        loc = tuple(str(part) for part in problem["loc"])
        full = tuple(part for part in (*path, *loc) if not part.endswith("Options"))
        if full not in self.lines and (*path[-1:], *loc) in self.lines:
            full = (*path[-1:], *loc)
        line = next((self.lines[full[:n]] for n in range(len(full), 0, -1) if full[:n] in self.lines), None)
        key = ".".join(full)
        where = f"{self.path}{f' line {line}' if line else ''}"
        if any(text.split("=")[0] in (key, ".".join((*full[:1], *full[2:]))) for text in self.sets):
            where = "--set"
        if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            return f"{where}: unknown key {key!r}{nearest(loc[-1], known_keys(cls, loc[:-1]))}."
        text = problem["msg"].removeprefix("Value error, ")
        got = problem.get("input")
        told = "" if isinstance(got, dict) else f" (got {got!r:.60})"
        return f"{where}: {key + ': ' if key else ''}{text[:1].lower() + text[1:]}{told}."

    def runs(self) -> list[Run]:
        """The runs of the recipe: its `runs:` entries laid over the blocks, or one run of the `prune:` block where
        there is no list or a `prune.*` was set.
        """
        entries = [{}] if self._one_run or not self.recipe.runs else list(self.recipe.runs)
        runs = [self._run(entry, i) for i, entry in enumerate(entries)]
        twice = [r.name for i, r in enumerate(runs) if r.name in [q.name for q in runs[:i]]]
        if twice:
            raise UserError(
                f"{self.path}: two entries of runs are the same run {twice[0]!r}; "
                "drop one or give them different settings."
            )
        return runs

    def _run(self, entry: dict[str, Any], index: int) -> Run:
        path = ("runs", str(index)) if entry else ()
        unknown = [key for key in entry if key not in ("name", "prune", "network", "train", "seed")]
        if unknown:
            raise UserError(self._sentence(Run, {"loc": (unknown[0],), "type": "extra_forbidden"}, path))
        prune = merged_prune(self.recipe.prune, entry.get("prune") or {})
        network = self._build(
            NetworkOptions, {**(self.tree.get("network") or {}), **(entry.get("network") or {})}, (*path, "network")
        )
        train = self._build(
            TrainOptions, {**(self.tree.get("train") or {}), **(entry.get("train") or {})}, (*path, "train")
        )
        chosen = self._build(self._prune_class(prune, (*path, "prune")), prune, (*path, "prune"))
        seed = int(entry.get("seed", self.recipe.seed))
        name = entry.get("name") if not self._one_run else None
        name = (name or label(chosen)) + self._deviations(network, train, entry)
        return Run(
            name=name if seed == self.filed.get("seed", 1) else f"{name}-s{seed}",
            seed=seed,
            prune=chosen,
            network=network,
            train=train,
        )

    def _prune_class(self, prune: dict[str, Any], path: tuple[str, ...]) -> type[PruneOptions]:
        from asr_prune.pruning.method import find_method, method_names

        name = str(prune.get("method", "none"))
        try:
            return find_method(name).Options
        except ValueError:
            line = self.lines.get((*path, "method"))
            where = f"{self.path}{f' line {line}' if line else ''}"
            known = ", ".join(method_names())
            raise UserError(
                f"{where}: prune.method {name!r} is not known{nearest(name, method_names())} (known: {known})."
            ) from None

    def _deviations(self, network: NetworkOptions, train: TrainOptions, entry: dict[str, Any]) -> str:
        """What sets a run apart from the recipe as filed, so that a changed setting makes a run beside those already
        made.
        """
        own_network = TypeAdapter(NetworkOptions).validate_python({**(self.filed.get("network") or {})})
        own_train = TypeAdapter(TrainOptions).validate_python({**(self.filed.get("train") or {})})
        told = {
            f"{key}": value
            for key, value in [*differing(network, own_network), *differing(train, own_train)]
            if key not in PLACE_ONLY
        }
        return "".join(f"-{key}-{compact(value)}" for key, value in told.items())


PLACE_ONLY = {"device", "threads", "tensorboard"}


def parse_set(text: str) -> tuple[list[str], Any]:
    """`a.b=value` as (["a", "b"], value read as YAML). Raises UserError where it has another form."""
    key, sign, value = text.partition("=")
    if not sign or not key or "" in key.split("."):
        raise UserError(f"--set {text!r} is not of the form key=value; write for instance --set prune.keep=0.25.")
    return key.split("."), yaml.safe_load(value) if value else None


def changed(tree: dict[str, Any], keys: list[str], value: Any) -> dict[str, Any]:
    """A copy of `tree` with the value at `keys` replaced."""
    key, *rest = keys
    if not rest:
        return {**tree, key: value}
    inner = tree.get(key)
    return {**tree, key: changed(inner if isinstance(inner, dict) else {}, rest, value)}


def merged_prune(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid over `base`; an entry that names another method starts from that method's defaults, and keep and
    strength replace each other.
    """
    if over.get("method", base.get("method")) != base.get("method"):
        return over
    rivals = {"keep": "strength", "strength": "keep"}
    return {**{key: value for key, value in base.items() if rivals.get(key) not in over}, **over}


def differing(one: Any, other: Any) -> list[tuple[str, Any]]:
    """Fields of two options of one class in which `one` differs, with its values."""
    return [(f.name, getattr(one, f.name)) for f in fields(one) if getattr(one, f.name) != getattr(other, f.name)]


def label(prune: PruneOptions) -> str:
    """A run's name from its method and whatever is not that method's default."""
    plain = type(prune)(method=prune.method)
    parts = "".join(
        f"-{key}{'' if key in ('keep', 'strength') else '-'}{compact(value)}" for key, value in differing(prune, plain)
    )
    return ("dense" if prune.method == "none" else prune.method) + parts


def compact(value: Any) -> str:
    """A value as it may stand in a folder's name."""
    if isinstance(value, (tuple, list)):
        return f"{len(value)}x{value[0]}" if len(set(value)) == 1 else "_".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def known_keys(cls: Any, loc: Sequence[str]) -> list[str]:
    """Keys of the options class at `loc` inside `cls`."""
    for part in loc:
        inner = {f.name: f for f in fields(cls)}.get(part) if is_dataclass(cls) else None
        if inner is None:
            continue
        made = inner.default if is_dataclass(inner.default) else None
        cls = type(made) if made is not None else next((a for a in get_args(inner.type) if is_dataclass(a)), cls)
    return [f.name for f in fields(cls)] if is_dataclass(cls) else []


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean ...?` where something near is known."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}" if close else (f" (known here: {', '.join(known)})" if known else "")


def load_recipe(folder: Path | str, sets: Sequence[str] = ()) -> Loaded:
    """Reads and checks the recipe in `folder`, with `--set` texts applied.

    Raises UserError naming file, line or key path, and the nearest valid key, for an unknown key, a wrong type or a
    value out of range.
    """
    return Loaded(Path(folder), sets)
