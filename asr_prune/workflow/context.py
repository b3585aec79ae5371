"""What every stage has at hand: the recipe, the folders, and the ledger of what is done."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asr_prune.errors import UserError
from asr_prune.files import sweep
from asr_prune.lang.ngram.options import LmOptions
from asr_prune.recipe.load import Loaded, Recipe, Run
from asr_prune.workflow.ledger import Hashes, Ledger

log = logging.getLogger(__name__)

#: processes, where --nj does not say
NJ = 2
SETS = ("train", "dev", "test")


class Missing(UserError):
    """An input that is not there. stage: what makes it."""

    def __init__(self, path: Path, stage: str) -> None:
        super().__init__(f"{path} is missing; the stage {stage} makes it.")
        self.stage = stage


class Damaged(UserError):
    """An input that is not what its stage wrote. stage: what makes it."""

    def __init__(self, path: Path, stage: str) -> None:
        super().__init__(f"{path} was changed or damaged after the stage {stage} wrote it; that stage makes it anew.")
        self.stage = stage


@dataclass
class Context:
    """One invocation on one recipe. nj: processes for the stages that can share work."""

    loaded: Loaded
    nj: int = NJ
    hashes: Hashes = field(init=False)

    def __post_init__(self) -> None:
        self.hashes = Hashes(self.exp / ".stages/hashes.json")

    @property
    def recipe(self) -> Recipe:
        """The recipe, what its decode block leaves to the corpus decided."""
        recipe = self.loaded.recipe
        lexicon, *models = (self.brought(name) for name in ("lexicon.txt", "lm.arpa", "lm.txt"))
        model = any(models) or recipe.lang.grammar is not None or recipe.lang.lm != LmOptions()
        not_made = not (self.data / "train/text").is_file()
        lexicon = lexicon or recipe.lang.folder is not None or not_made
        return replace(recipe, decode=recipe.decode.applied(lexicon, model))

    @property
    def ctc(self) -> bool:
        """Whether networks are trained with CTC, without alignment."""
        return self.recipe.decode.type == "ctc"

    def brought(self, name: str) -> bool:
        """Whether the corpus stage wrote data/<name>/local/`name`, though it may be lost since."""
        path = self.data / "local" / name
        return path.exists() or bool(Ledger(self.exp, self.hashes).written("corpus", path))

    @property
    def data(self) -> Path:
        return Path("data") / self.loaded.name

    @property
    def exp(self) -> Path:
        return Path("exp") / self.loaded.name

    @property
    def lang(self) -> Path:
        return self.data / "lang"

    @property
    def align(self) -> Path:
        return self.exp / "align"

    @property
    def labels(self) -> Path:
        """The folder of the labels that train the networks: of the last pass, or made by Kaldi."""
        return self.align / self.recipe.hmm.last

    @property
    def graph(self) -> Path:
        return self.exp / ("token_graph" if self.ctc else "graph")

    def run_folder(self, run: Run) -> Path:
        return self.exp / "runs" / run.name

    def command(self, stage: str | None = None) -> str:
        """What to type to do this again, from `stage` on."""
        words = ["./run.sh", "--recipe", str(self.loaded.folder), *(["--stage", stage] if stage else [])]
        words += ["--nj", str(self.nj)] if self.nj != NJ else []
        return shlex.join([*words, *(word for text in self.loaded.sets for word in ("--set", text))])

    def need(self, inputs: Mapping[Path, str]) -> None:
        """Raises Missing for the first of `inputs` (file: stage that makes it) that is not there."""
        for path, maker in inputs.items():
            if not path.exists():
                raise Missing(path, maker)

    def once(self, work: Work, run: Run | None = None) -> None:
        """Does `work` unless its inputs, its part of the recipe and its code are those of the last time.

        Raises UserError naming an input that is missing and the stage that makes it, and, before any work begins, what
        is wrong with any run of the recipe.
        """
        ledger = Ledger(self.run_folder(run) if run else self.exp, self.hashes)
        self.need(work.inputs)
        fingerprint = ledger.fingerprint(work.entry, work.part, [*work.inputs, *work.also], work.code)
        what = " ".join(filter(None, (work.stage, work.piece, run.name if run else "")))
        if ledger.is_done(work.entry, fingerprint):
            log.info("%s: up to date", what)
        else:
            log.info("%s: %s", what, work.says)
            self._do(work, ledger, fingerprint)
        self.hashes.save()

    def _do(self, work: Work, ledger: Ledger, fingerprint: str) -> None:
        self.loaded.runs()
        for folder in (self.data, self.exp):
            sweep(folder)
        ledger.forget(work.entry)
        try:
            work.do(ledger.begin(work.entry, fingerprint))
        except UserError as error:
            self._blame_input(work, ledger, error)
            raise
        for path in work.outputs:
            if not path.is_file():
                raise UserError(f"{path} was to be written by the stage {work.stage} and is not there; see its log.")
        ledger.mark(work.entry, fingerprint, work.outputs)

    def _blame_input(self, work: Work, own: Ledger, error: UserError) -> None:
        """Raises Damaged where `error` is of an input that has changed since its stage wrote it."""
        for path, maker in work.inputs.items():
            written = own.written(maker, path) or Ledger(self.exp, self.hashes).written(maker, path)
            if written and written != self.hashes.of(path) and str(path) in str(error):
                raise Damaged(path, maker) from error


@dataclass
class Work:
    """One thing a stage does.

    inputs: files it reads, with the stage that makes each; also: further files that count for the fingerprint; part:
    its part of the recipe; code: package folders whose code it runs; do: called with whether an interrupted run of the
    same work may be continued; outputs: files that must be there, unchanged, for the work to count as done; piece: what
    it is of the stage, where the stage does several things.
    """

    stage: str
    says: str
    part: Any
    inputs: dict[Path, str]
    code: Sequence[str]
    do: Callable[[bool], None]
    outputs: Sequence[Path]
    also: Sequence[Path] = ()
    piece: str = ""

    @property
    def entry(self) -> str:
        """Its name in the ledger."""
        return f"{self.stage}-{self.piece}" if self.piece else self.stage
