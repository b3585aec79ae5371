"""Where everything of a project lies: the one place that knows the names under data/ and exp/."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from asr_prune.errors import UserError

#: the sets of a corpus
SETS = ("train", "dev", "test")
#: sets with labels: the GMM-HMM is trained on both, networks on the first alone
LABELLED_SETS = ("train", "dev")
#: sets that are decoded and scored
SCORED_SETS = ("dev", "test")


@dataclass(frozen=True)
class Layout:
    """The folders of one experiment, data/<name> and exp/<name> of a project; root: the project."""

    name: str
    root: Path = Path()

    @classmethod
    def of_pass(cls, path: Path) -> Layout:
        """The experiment that a pass belongs to: exp/<name>/align/<pass>."""
        exp = path.resolve().parent.parent
        return cls(exp.name, exp.parent.parent)

    @property
    def data(self) -> Path:
        return self.root / "data" / self.name

    def set(self, part: str) -> Path:
        """The data directory of `train`, `dev` or `test`."""
        return self.data / part

    def sets(self, parts: tuple[str, ...] = SETS) -> list[Path]:
        return [self.set(part) for part in parts]

    @property
    def dictionary(self) -> Path:
        """Where the corpus stage leaves lexicon and language model."""
        return self.data / "local"

    @property
    def facts(self) -> Path:
        """What the corpus stage recorded about the corpus."""
        return self.data / "facts.json"

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
    def runs(self) -> Path:
        return self.exp / "runs"

    def run(self, name: str) -> RunDir:
        return RunDir(self.runs / name)

    def existing_runs(self) -> list[RunDir]:
        """All runs on disk, by name."""
        return [RunDir(path) for path in sorted(self.runs.glob("*")) if path.is_dir()]

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
    def lock(self) -> Path:
        return self.exp / ".lock"

    @property
    def hashes(self) -> Path:
        """The cache of file digests."""
        return self.exp / ".stages/hashes.json"


@dataclass(frozen=True)
class RunDir:
    """The folder of one training run, exp/<name>/runs/<run>, and its files."""

    path: Path

    @classmethod
    def given(cls, path: Path) -> RunDir:
        """A run named on the command line. Raises UserError if it is not exp/<name>/runs/<run>."""
        here = Path(os.path.relpath(path))
        if len(here.parts) != 4 or here.parts[0] != "exp" or here.parts[2] != "runs":
            raise UserError(
                f"{here} is not the folder of a run; from the project's folder, give one such as exp/demo/runs/dense."
            )
        return cls(here)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def layout(self) -> Layout:
        """The experiment that the run belongs to."""
        return Layout(self.path.parent.parent.name)

    @property
    def recipe(self) -> Path:
        """What the run was asked, every default filled in."""
        return self.path / "recipe.yaml"

    @property
    def metrics(self) -> Path:
        """One JSON line per epoch."""
        return self.path / "metrics.jsonl"

    @property
    def train(self) -> Path:
        """The figures of the training."""
        return self.path / "train.json"

    @property
    def nodes(self) -> Path:
        """Which nodes survived, and why the others did not."""
        return self.path / "nodes.json"

    @property
    def norms(self) -> Path:
        """Node norms just before the cut."""
        return self.path / "norms.npz"

    @property
    def weights(self) -> Path:
        """Histograms of the weights at the ends of the phases, for methods that keep them."""
        return self.path / "weights.npz"

    @property
    def trail(self) -> Path:
        """Node scores over the training."""
        return self.path / "trail.jsonl"

    @property
    def events(self) -> Path:
        """TensorBoard events."""
        return self.path / "tensorboard"

    @property
    def models(self) -> Path:
        return self.path / "model"

    def snapshot(self, name: str) -> Path:
        """A network as it stood at some point of the training, for methods that keep some."""
        return self.models / f"{name}.pt"

    @property
    def network(self) -> Path:
        """The trained network in its dense shape, removed nodes zero."""
        return self.models / "network.pt"

    @property
    def before_cut(self) -> Path:
        return self.models / "before_cut.pt"

    @property
    def checkpoint(self) -> Path:
        return self.models / "checkpoint.pt"

    @property
    def shrunk(self) -> Path:
        """The physically smaller network."""
        return self.path / "shrunk/network.pt"

    @property
    def size(self) -> Path:
        """Nodes, parameters and multiply-adds of the smaller network."""
        return self.path / "shrunk/size.json"

    @property
    def verify(self) -> Path:
        """The comparison of the masked with the smaller network."""
        return self.path / "verify.json"

    def decoded(self, part: str) -> Path:
        """The folder of the decoded words of a set."""
        return self.path / f"decode_{part}"

    def score(self, part: str) -> Path:
        """The score of a set; its tables lie beside it under the same stem."""
        return self.path / f"score_{part}.json"

    @property
    def result(self) -> Path:
        """The run's row of results.json."""
        return self.path / "result.json"

    @property
    def widths(self) -> Path:
        """Figures of nested widths."""
        return self.path / "widths.json"


def words_file(folder: Path, lm_weight: float, penalty: float) -> Path:
    """The words of a decoded set at one LM weight and word insertion penalty, named as in Kaldi's scoring."""
    return folder / f"penalty_{penalty:g}" / f"{lm_weight}.txt"


def decode_info(folder: Path) -> Path:
    """The figures of decoding a set."""
    return folder / "info.json"


def lattices_file(folder: Path) -> Path:
    """The lattices of a decoded set, where decode.lattice keeps them."""
    return folder / "lat.1.gz"
