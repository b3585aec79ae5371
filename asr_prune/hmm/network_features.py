"""Features of a data directory as the models read them: of a GMM-HMM pass, and of a network.

Importing this module loads no Kaldi library, so that networks can be trained from archives with
torch and numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.corpus.datadir import DataDir
from asr_prune.features.archive import read_matrices
from asr_prune.features.load import stored
from asr_prune.features.options import FeatureOptions, FeaturesOptions, HmmFeatureOptions, NetworkFeatureOptions
from asr_prune.features.stored import Stored
from asr_prune.hmm.fmllr import transformed
from asr_prune.hmm.frontend import FrontEnd, check_cmvn, check_columns

#: files that feature extraction writes for a set
FEATURE_FILES = ("feats.ark", "feats.scp", "cmvn.ark", "cmvn.scp")

#: by utterance, float32 [frames, dim]
Feats = Mapping[str, np.ndarray]


def feature_folder(folder: Path, kind: str) -> Path:
    """Where the features of a data directory are stored; kind: `hmm` or `network`."""
    return folder if kind == "hmm" else folder / "network"


def base_features(folder: Path, options: HmmFeatureOptions) -> Stored:
    """Normalised cepstra of a data directory, without deltas, by utterance; read on access."""
    speakers = DataDir.read(folder).utt2spk
    return stored(feature_folder(folder, "hmm"), replace(options, deltas=0), speakers)


def pass_features(folder: Path, options: HmmFeatureOptions, hmm: Path, adapt: bool = True) -> Stored:
    """Input features of the GMM-HMM pass in folder `hmm`, for a data directory; read on access.

    adapt: apply the speakers' fMLLR transforms if the pass has them. Raises UserError as
    `check_cmvn`; on access, as `check_columns`.
    """
    front = FrontEnd.load(hmm)
    check_cmvn(hmm, options)

    def through_front(_: str, base: np.ndarray) -> np.ndarray:
        if front.matrix is not None:
            check_columns(hmm, front, base.shape[1], len(front.matrix))
        return front(base)

    feats = base_features(folder, options).then(through_front)
    if not (adapt and (hmm / "trans.scp").is_file()):
        return feats
    transforms = dict(read_matrices(transform_file(hmm, folder.name)))
    speakers = DataDir.read(folder).utt2spk

    def adapted(utt: str, plain: np.ndarray) -> np.ndarray:
        transform = transforms.get(speakers[utt])
        return plain if transform is None else transformed(plain, transform)

    return feats.then(adapted)


def adapting(hmm: Path) -> Path:
    """Where an unfinished adaptation of the pass `hmm` keeps what its searches found."""
    return hmm / "adapt.portions"


def transform_file(hmm: Path, part: str) -> Path:
    """Index of the fMLLR transforms of a set: from training or first-pass hypotheses."""
    return hmm / ("trans.scp" if part == "train" else f"adapt_{part}/trans.scp")


@dataclass(frozen=True)
class NetworkFeatures:
    """Input features of a network.

    options: of both kinds of features; hmm: name of the pass that gives the labels.
    """

    options: FeaturesOptions
    hmm: str

    @classmethod
    def from_plain(cls, content: dict[str, Any]) -> NetworkFeatures:
        """From what `plain` returned, as stored in a model."""
        network = NetworkFeatureOptions(**content["network"])
        hmm = HmmFeatureOptions(**content["hmm"])
        return cls(FeaturesOptions(network=network, hmm=hmm), content["pass"])

    def plain(self) -> dict[str, Any]:
        """JSON-compatible form, for a model to store."""
        return {"hmm": _plain(self.options.hmm), "network": _plain(self.options.network), "pass": self.hmm}

    @property
    def kind(self) -> str:
        """`hmm` if the network reads the features of the GMM-HMM, else `network`."""
        return "hmm" if self.options.network.type == "hmm" else "network"

    @property
    def read(self) -> tuple[FeatureOptions, str]:
        """What the network reads: the options of its kind, and the pass if it matters."""
        return (self.options.hmm, self.hmm) if self.kind == "hmm" else (self.options.network, "")

    @property
    def frame_shift(self) -> float:
        """In seconds."""
        return self.read[0].frame_shift_ms / 1000

    def missing(self, here: NetworkFeatures, align: Path) -> str:
        """Why a network of these features has none in the experiment of the features `here`, in
        words; empty if it has. align: folder of the experiment's passes.

        Deltas and normalisation are computed from what is stored.
        """
        own, stored_ones = (getattr(x.options, self.kind) for x in (self, here))
        applied = {"deltas": 0, "cmvn": "none", "cmvn_variance": False}
        if differ := _differing(replace(own, **applied), replace(stored_ones, **applied)):
            return f"features.{self.kind} has {differ}"
        if self.kind == "hmm" and not (align / self.hmm).is_dir():
            return f"pass {self.hmm} is not in {align}"
        return ""

    def unlike(self, here: NetworkFeatures) -> str:
        """What networks of these features read otherwise than those of the features `here`, in words; empty if
        nothing.
        """
        if self.read == here.read:
            return ""
        if self.options.network.type != here.options.network.type:
            return f"features.network has type {self.options.network.type}, here {here.options.network.type}"
        if differ := _differing(self.read[0], here.read[0]):
            return f"features.{self.kind} has {differ}"
        return f"hmm.passes end with {self.hmm}, here {here.hmm}"

    def load(self, folder: Path, align: Path) -> dict[str, np.ndarray]:
        """Features of a data directory by utterance, float32 [frames, dim], in memory.

        align: folder that holds the folders of the passes.
        """
        return dict(self.stored(folder, align))

    def stored(self, folder: Path, align: Path) -> Stored:
        """As `load`, but each utterance is read on access."""
        if self.kind == "hmm":
            return pass_features(folder, self.options.hmm, align / self.hmm)
        speakers = DataDir.read(folder).utt2spk
        return stored(feature_folder(folder, "network"), self.options.network, speakers)


def _differing(own: FeatureOptions, here: FeatureOptions) -> str:
    one, other = asdict(own), asdict(here)
    return "; ".join(f"{key} {one[key]}, here {other[key]}" for key in one if one[key] != other[key])


def _plain(options: FeatureOptions) -> dict[str, Any]:
    """The options, without those that came later where they are at their defaults."""
    kept = (f for f in fields(options) if f.name not in options.LATER or getattr(options, f.name) != f.default)
    return {f.name: getattr(options, f.name) for f in kept}
