"""The folder of one training run and its files: the one place that knows their names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from asr_prune.errors import UserError

#: in the folder of an experiment or a run: what its works have done, and what they read
LEDGER = ".stages"


@dataclass(frozen=True)
class RunDir:
    """The folder of one training run, exp/<name>/runs/<run>, and its files."""

    path: Path

    @classmethod
    def given(cls, path: Path) -> RunDir:
        """A run named on the command line: exp/<name>/runs/<run>, or of a part of an experiment,
        exp/<name>/<kind>/<part>/runs/<run>. Raises UserError if it is neither.
        """
        here = Path(os.path.relpath(path))
        if len(here.parts) not in (4, 6) or here.parts[0] != "exp" or here.parts[-2] != "runs":
            raise UserError(
                f"{here} is not the folder of a run; from the project's folder, give one such as exp/demo/runs/dense."
            )
        return cls(here)

    @property
    def name(self) -> str:
        return self.path.name

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
    def prices(self) -> Path:
        """What bytes or milliseconds of `prune.budget` depend on."""
        return self.models / "prices.json"

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

    @property
    def vosk(self) -> Path:
        """The words of an imported model's run in Vosk against the original's (JSON)."""
        return self.path / "vosk.json"

    def decoded(self, part: str) -> Path:
        """The folder of the decoded words of a set."""
        return self.path / f"decode_{part}"

    def score(self, part: str) -> Path:
        """The score of a set; its tables lie beside it under the same stem."""
        return self.path / f"score_{part}.json"

    @property
    def verifying(self) -> Path:
        """Where an unfinished comparison of the shrunk network keeps what its searches found."""
        return self.path / "verify.portions"

    @property
    def result(self) -> Path:
        """The run's row of results.json."""
        return self.path / "result.json"

    @property
    def records(self) -> Path:
        """What the works of the run have read and written, a file each."""
        return self.path / LEDGER

    @property
    def widths(self) -> Path:
        """Figures of nested widths."""
        return self.path / "widths.json"

    def written_since(self, time: float) -> bool:
        """Whether any of its files was written after `time`, as of time.time()."""
        paths = (Path(at) / name for at, _, names in os.walk(self.path) for name in names)
        return any(_written(path) > time for path in paths)


def _written(path: Path) -> float:
    """When; 0 if it is gone, as what a running work keeps may be."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def words_file(folder: Path, lm_weight: float, penalty: float) -> Path:
    """The words of a decoded set at one LM weight and word insertion penalty, named as in Kaldi's
    scoring.
    """
    return folder / f"penalty_{penalty:g}" / f"{lm_weight}.txt"


def decode_info(folder: Path) -> Path:
    """The figures of decoding a set."""
    return folder / "info.json"


def lattices_file(folder: Path) -> Path:
    """The lattices of a decoded set, where decode.lattice keeps them."""
    return folder / "lat.1.gz"


def portions_of(folder: Path) -> Path:
    """Where an unfinished work, of features or of decoding, keeps the portions that are done of the
    set that will be in `folder`.
    """
    return folder.with_name(f"{folder.name}.portions")


#: endings of the files of models
_MODELS = (".pt", ".mdl")


def teacher_file(name: str, runs: Path) -> Path:
    """The model file of an entry of `train.teacher`: a run in folder `runs`, the folder of a run,
    or a file, of this program or of Kaldi's nnet3.
    """
    path = Path(name) if is_path(name) else runs / name
    if teacher_run(name, runs):
        path = runs / os.path.relpath(path, runs)
    return path if path.suffix in _MODELS else RunDir(path).network


def teacher_run(name: str, runs: Path) -> str:
    """The run in folder `runs` that an entry of `train.teacher` names, by its name or by a path
    into its folder; empty if it names none.
    """
    first = Path(os.path.relpath(name, runs)).parts[0] if is_path(name) else name
    return "" if first in ("..", ".") else first


def is_path(name: str) -> bool:
    """Whether an entry of `train.teacher` is a path; else it names a run of the recipe."""
    return "/" in name or name.endswith(_MODELS)
