"""Where everything of an experiment lies: the one place that knows the names under data/ and exp/,
but for those of a run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from asr_prune.run_dir import LEDGER, RunDir

#: the sets of a corpus
SETS = ("train", "dev", "test")
#: the set without transcripts, from which networks learn by a teacher
UNTRANSCRIBED = "untranscribed"
#: sets with labels: the GMM-HMM is trained on both, networks on the first alone
LABELLED_SETS = ("train", "dev")
#: sets that are decoded and scored
SCORED_SETS = ("dev", "test")


def noisy_set(snr: float) -> str:
    """The copy of the test set at this signal-to-noise ratio in dB."""
    return f"test_{snr:g}db"


def made_by(path: object, stage: str) -> str:
    """How to get a file that is missing: by `stage` if it lies in the project's data/ or exp/;
    others users give.
    """
    first = Path(os.path.relpath(str(path))).parts[0]
    return f"run the {stage} stage, which makes it" if first in ("data", "exp") else "correct its path"


def stage_of_table(path: Path) -> str:
    """The stage that writes a table of this name."""
    if path.parent.name.startswith("adapt_"):
        return "graph"
    stages = {"feats": "features", "cmvn": "features", "ali": "align", "pdf": "align", "trans": "align"}
    return stages.get(path.stem, "corpus") if path.suffix == ".scp" else "corpus"


#: parts of an experiment: the labels of other seeds on the same data, and the folds of a
#: cross-validation, of which there are as many as the name of their folder says
SEEDS, FOLDS = "seeds", "folds-"
#: what all folds together have given
POOLED = "pooled"


@dataclass(frozen=True)
class Layout:
    """The folders of one experiment, data/<name> and exp/<name> of a project.

    name: of the recipe, or that of a part of it: NAME/seeds/SEED or NAME/folds-COUNT/FOLD. root:
    the project.
    """

    name: str
    root: Path = Path()

    @classmethod
    def of_run(cls, run: RunDir) -> Layout:
        """The experiment that a run belongs to: exp/<name>/runs/<run>."""
        return cls(_name_in(run.path.parent.parent))

    @classmethod
    def of_pass(cls, path: Path) -> Layout:
        """The experiment that a pass belongs to: exp/<name>/align/<pass>. exp may be a link to
        another disk, or `path` one to a pass.
        """
        given, real = (cls._around(each.parent.parent) for each in (Path(os.path.abspath(path)), path.resolve()))
        return given if given.data.is_dir() else real

    @classmethod
    def _around(cls, exp: Path) -> Layout:
        name = _name_in(exp)
        return cls(name, exp.parents[len(Path(name).parts)])

    def of_part(self, part: str) -> Layout:
        """A part of the experiment, such as seeds/2; "": itself."""
        return replace(self, name=f"{self.name}/{part}") if part else self

    @property
    def part(self) -> str:
        """Which part of a recipe's experiment this is; "": all of it."""
        return self.name.partition("/")[2]

    @property
    def whole(self) -> Layout:
        """The experiment that this is a part of."""
        return replace(self, name=self.name.partition("/")[0])

    @property
    def fold(self) -> str:
        """Which fold this is; "" if it is none."""
        return self.part.partition("/")[2] if self.part.startswith(FOLDS) else ""

    @property
    def data(self) -> Path:
        return self.root / "data" / (self.name if self.fold else self.whole.name)

    def set(self, part: str) -> Path:
        """The data directory of `train`, `dev` or `test`."""
        return self.data / part

    def sets(self, parts: tuple[str, ...] = SETS) -> list[Path]:
        return [self.set(part) for part in parts]

    @property
    def dictionary(self) -> Path:
        """Where the corpus stage leaves lexicon and language model."""
        return self.whole.data / "local"

    @property
    def facts(self) -> Path:
        """What the corpus stage recorded about the corpus."""
        return self.whole.data / "facts.json"

    @property
    def lang(self) -> Path:
        return self.data / "lang"

    @property
    def exp(self) -> Path:
        return self.root / "exp" / self.name

    @property
    def align(self) -> Path:
        """The folder of the GMM-HMM passes."""
        return self.exp / "align"

    @property
    def ladder(self) -> Path:
        return self.align / "ladder.json"

    @property
    def seeds_ladder(self) -> Path:
        """Medians and ranges over seeds."""
        return self.align / "ladder_seeds.json"

    def rung(self, name: str) -> Path:
        """The figures of one pass in the ladder."""
        return self.hmm(name) / "ladder.json"

    def climbing(self, name: str) -> Path:
        """Where an unfinished decoding of one pass keeps what its searches found."""
        return self.align / f"{name}.portions"

    def hmm(self, name: str) -> Path:
        """The folder of one pass."""
        return self.align / name

    def pass_score(self, name: str, part: str) -> Path:
        """The score of a set decoded with one pass."""
        return self.hmm(name) / f"score_{part}.json"

    @property
    def graph(self) -> Path:
        """The decoding graph of networks with frame labels."""
        return self.exp / "graph"

    @property
    def token_graph(self) -> Path:
        """The decoding graph of networks trained with CTC."""
        return self.exp / "token_graph"

    def pass_graph(self, name: str) -> Path:
        """The decoding graph of a pass that labels no network."""
        return self.exp / "graphs" / name

    @property
    def front_end(self) -> Path:
        """How long the steps before the network take on test."""
        return self.exp / "front_end.json"

    @property
    def runs(self) -> Path:
        return self.exp / "runs"

    def run(self, name: str) -> RunDir:
        return RunDir(self.runs / name)

    def existing_runs(self) -> list[RunDir]:
        """All runs on disk, by name."""
        return [RunDir(path) for path in sorted(self.runs.glob("*")) if path.is_dir()]

    @property
    def original_words(self) -> Path:
        """The words of an imported model (JSON)."""
        return self.exp / "original/words.json"

    @property
    def report(self) -> Path:
        return self.exp / "report"

    @property
    def table(self) -> Path:
        """The table that the report stage prints."""
        return self.report / "table.txt"

    def log(self, verb: str) -> Path:
        return self.exp / "log" / f"{verb}.log"

    @property
    def trainings(self) -> Path:
        """While other machines make the runs: how those that are done ended."""
        return self.exp / ".trainings"

    @property
    def lock(self) -> Path:
        """One for all parts of an experiment."""
        return self.whole.exp / ".lock"

    @property
    def hashes(self) -> Path:
        """The cache of file digests."""
        return self.exp / LEDGER / "hashes.json"


def runs_of_folds(run: RunDir) -> list[RunDir]:
    """The run in each fold, of a run of all folds together; of any other none."""
    exp = run.path.parent.parent
    if exp.name != POOLED or not exp.parent.name.startswith(FOLDS):
        return []
    folds = [path for path in exp.parent.iterdir() if path.name.isdecimal()]
    return [RunDir(path / "runs" / run.name) for path in sorted(folds, key=lambda path: int(path.name))]


def _name_in(folder: Path) -> str:
    """The name of the experiment in folder exp/<name>."""
    place = folder
    while place.parent.name == SEEDS or place.parent.name.startswith(FOLDS):
        place = place.parent.parent
    return str(folder.relative_to(place.parent))
