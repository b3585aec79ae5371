"""An experiment: a recipe, its folders, and what earlier works recorded about corpus and labels."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from asr_prune.corpus.facts import Facts
from asr_prune.decode.decoding import Decoding
from asr_prune.errors import UserError
from asr_prune.hmm.frontend import FrontEnd
from asr_prune.hmm.network_features import NetworkFeatures
from asr_prune.hmm.options import SatOptions, front_dim
from asr_prune.integrity import checked
from asr_prune.lang.ngram.options import LmOptions
from asr_prune.layout import FOLDS, POOLED, SEEDS, Layout
from asr_prune.recipe.blocks import Recipe, Run
from asr_prune.recipe.load import Loaded, load_recipe
from asr_prune.run_dir import RunDir
from asr_prune.text import file_lines
from asr_prune.workflow.ledger import Hashes, Ledger

#: processes, unless --nj says otherwise
NJ = 2


@dataclass
class Experiment:
    """One recipe as a command sees it.

    nj: processes for the stages that share work; part: of the experiment, as in `Layout`; seed: of
    the labels, if not the recipe's.
    """

    loaded: Loaded
    nj: int = NJ
    part: str = ""
    seed: int | None = None

    def of_seed(self, seed: int) -> Experiment:
        """The same data, language model and features with the labels of another seed."""
        return replace(self, part=f"{SEEDS}/{seed}", seed=seed)

    @cached_property
    def folds(self) -> list[Experiment]:
        """The folds of a cross-validation, each an experiment of its own; empty without any."""
        count = 0 if self.part else self.recipe.corpus.folds
        return [self._fold(str(number)) for number in range(1, count + 1)]

    @cached_property
    def pooled(self) -> Experiment:
        """What all folds together have given; the experiment itself if it has no folds."""
        return self._fold(POOLED) if self.folds else self

    def _fold(self, fold: str) -> Experiment:
        return replace(self, part=f"{FOLDS}{self.recipe.corpus.folds}/{fold}")

    @property
    def name(self) -> str:
        return self.loaded.name

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.name).of_part(self.part)

    @cached_property
    def facts(self) -> Facts | None:
        """What the corpus stage recorded; None before it has run."""
        return Facts.read(self.layout.facts)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe, with what its decode block leaves to the corpus decided."""
        recipe, facts = self.loaded.recipe, self.facts or Facts(lexicon=True, lm_text=True)
        estimated = recipe.lang.grammar is not None or recipe.lang.lm != LmOptions()
        lexicon = facts.lexicon or recipe.lang.folder is not None or self.imported
        model = estimated or facts.arpa or facts.lm_text
        seed = recipe.seed if self.seed is None else self.seed
        return replace(recipe, seed=seed, decode=recipe.decode.applied(lexicon, model))

    @property
    def assumptions(self) -> list[str]:
        """What the works rest on before the corpus stage has recorded its facts, in words."""
        decode = self.loaded.recipe.decode
        lines = ["whether the corpus has a lexicon (shown as if it had one)"] if decode.type == "auto" else []
        return [*lines, "whether it has a language model (shown as if one were estimated)"]

    @property
    def imported(self) -> bool:
        """Whether the network is that of a Kaldi model, which learns from itself."""
        return bool(self.loaded.recipe.network.model)

    @property
    def ctc(self) -> bool:
        """Whether networks are trained with CTC, without alignment."""
        return self.recipe.decode.type == "ctc"

    @property
    def settled(self) -> bool:
        """Whether it is known if networks are trained with CTC: `auto` waits for what the corpus
        stage records.
        """
        return self.facts is not None or self.loaded.recipe.decode.type != "auto"

    @property
    def greedy(self) -> bool:
        """Whether decoding needs no graph."""
        return self.recipe.decode.search == "greedy"

    @cached_property
    def runs(self) -> list[Run]:
        """The runs of the recipe. Raises UserError if any of them is not valid."""
        return self.loaded.runs()

    def run_dir(self, run: Run) -> RunDir:
        return self.layout.run(run.name)

    @property
    def labels(self) -> Path:
        """The folder of the labels that train the networks: the last pass, or labels made by Kaldi."""
        return self.layout.hmm(self.recipe.hmm.last)

    @property
    def has_hmm(self) -> bool:
        """Whether there is an HMM to decode with; for labels made by Kaldi known once they are taken."""
        return not self.imported and (self.ctc or not self.recipe.hmm.labels or self._taken("final.mdl"))

    def _taken(self, name: str) -> bool:
        """Whether labels made by Kaldi, as far as they are taken, include this file."""
        return not (self.labels / "summary.json").is_file() or (self.labels / name).is_file()

    def need_hmm(self) -> None:
        """Raises UserError if the labels came without an HMM."""
        if not self.has_hmm:
            raise UserError(
                f"{self.recipe.hmm.labels} holds pdf-ids without an HMM, which a decoding graph needs; set hmm.model "
                "to the folder of their final.mdl and tree, or stop after the shrink stage."
            )

    @property
    def sat(self) -> SatOptions | None:
        """The speaker-adaptive pass whose features the networks read, if any."""
        if self.ctc or self.recipe.features.network.type != "hmm":
            return None
        if self.recipe.hmm.labels:
            adapted = all(map(self._taken, ("final.mdl", "final.alimdl", "trans.scp")))
            return SatOptions(name=self.labels.name) if adapted else None
        last = self.recipe.hmm.run[-1]
        return last if isinstance(last, SatOptions) else None

    def graph_of(self, name: str) -> Path:
        """Where the decoding graph of a pass lies."""
        return self.layout.graph if name == self.labels.name else self.layout.pass_graph(name)

    @property
    def graph(self) -> Path | None:
        """The decoding graph of the networks; None if they are decoded greedily or not at all."""
        if self.greedy or not self.has_hmm:
            return None
        return self.layout.token_graph if self.ctc else self.layout.graph

    @property
    def features(self) -> NetworkFeatures:
        """What the networks read."""
        return NetworkFeatures(self.recipe.features, self.labels.name)

    @property
    def dim(self) -> int:
        """Values of a frame that the networks read, before splicing."""
        features, hmm = self.recipe.features, self.recipe.hmm
        if features.network.type != "hmm":
            return features.network.dim
        if hmm.labels and (self.labels / "summary.json").is_file():
            return FrontEnd.load(self.labels).dim(features.hmm.base_dim)
        return front_dim(hmm.run, features.hmm.dim)

    @property
    def outputs(self) -> int | None:
        """Classes of the networks; None before the labels, or for CTC the tokens, are made."""
        if self.imported:
            from asr_prune.acoustic.imported import imported_network  # imports torch

            return imported_network(self.loaded.recipe.network).outputs
        tokens, summary = self.layout.lang / "tokens.txt", self.labels / "summary.json"
        if self.ctc:
            return len(file_lines(tokens)) if tokens.is_file() else None
        return int(json.loads(checked(summary).read_text())["pdfs"]) if summary.is_file() else None

    @property
    def decoding(self) -> Decoding:
        """How the networks are decoded."""
        return Decoding(
            data=self.layout.data,
            lang=self.layout.lang,
            align=self.layout.align,
            labels=self.labels.name,
            graph=self.graph,
            features=self.features,
            options=self.recipe.decode,
            min_frames=(self.sat or SatOptions()).fmllr_min_frames,
        )

    @property
    def sweeps(self) -> Path:
        """The folder of the states of sweeps, a file each."""
        return self.layout.exp / "sweeps"

    def accepted(self, run: RunDir) -> list[str]:
        """Works of a run, and of all runs, that were kept although their code had changed."""
        hashes = Hashes(self.layout.hashes)
        folders = dict.fromkeys((self.layout.whole.exp, self.layout.exp, run.path))
        return [entry for folder in folders for entry in Ledger(folder, hashes).accepted()]

    def command(self, stage: str | None = None) -> str:
        """What to type to do this again, from `stage` on: ./run.sh if the current folder has it."""
        start = ["./run.sh"] if Path("run.sh").is_file() else ["asr-prune", "run"]
        return self._command(start, ["--stage", stage] if stage else [])

    def command_of(self, verb: str, *more: str) -> str:
        """What to type to run a verb on this recipe again, with options `more` of its own."""
        return self._command(["asr-prune", verb], more)

    def _command(self, start: Sequence[str], more: Sequence[str]) -> str:
        words = [*start, "--recipe", str(self.loaded.folder), *more]
        words += ["--nj", str(self.nj)] if self.nj != NJ else []
        return shlex.join([*words, *(word for text in self.loaded.sets for word in ("--set", text))])


def open_experiment(recipe: Path | str, sets: Sequence[str] = (), nj: int = NJ) -> Experiment:
    """The experiment of a recipe. Raises UserError if the recipe or one of its runs is not valid."""
    experiment = Experiment(load_recipe(recipe, sets), nj)
    _ = experiment.runs
    return experiment


def experiment_of(run: RunDir, recipe: Path | str | None = None, sets: Sequence[str] = (), nj: int = NJ) -> Experiment:
    """The experiment, or the part of one, that a run belongs to; recipe: its folder, by default
    recipes/<name>. Raises UserError if the run is of another recipe.
    """
    layout = Layout.of_run(run)
    whole = open_experiment(recipe or f"recipes/{layout.whole.name}", sets, nj)
    experiment = replace(whole, part=layout.part)
    if experiment.layout != layout:
        raise UserError(f"{run.path} is not a run of {experiment.loaded.folder}; name its recipe with --recipe.")
    return experiment
