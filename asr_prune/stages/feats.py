"""Features as models want them: of the GMM-HMM's passes, and of the networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.corpus.datadir import DataDir
from asr_prune.features.load import stored
from asr_prune.features.options import FeaturesOptions, HmmFeatureOptions, NetworkFeatureOptions
from asr_prune.features.stored import Stored
from asr_prune.workflow.context import Context

FILES = ("feats.ark", "feats.scp", "cmvn.ark", "cmvn.scp")
Feats = Mapping[str, np.ndarray]


def feature_folder(folder: Path, kind: str) -> Path:
    """Where the features of `hmm` or `network` of a data directory lie."""
    return folder if kind == "hmm" else folder / "network"


def feature_inputs(context: Context, parts: tuple[str, ...], kind: str) -> dict[Path, str]:
    """Files that `load` reads for some sets, with the stage that makes them."""
    made = {feature_folder(context.data / part, kind) / name: "features" for part in parts for name in FILES}
    return made | {context.data / part / "utt2spk": "corpus" for part in parts}


def base_features(folder: Path, options: HmmFeatureOptions) -> Stored:
    """Normalised cepstra of a data directory, without differences, by utterance."""
    return stored(feature_folder(folder, "hmm"), replace(options, deltas=0), DataDir.read(folder).utt2spk)


def pass_features(folder: Path, options: HmmFeatureOptions, hmm: Path, adapt: bool = True) -> Stored:
    """Features of a data directory as the pass in folder `hmm` sees them, under the speakers' transforms where it has
    them and `adapt` asks for them.
    """
    from asr_prune.features.archive import read_matrices
    from asr_prune.hmm.fmllr import transformed
    from asr_prune.hmm.frontend import FrontEnd

    front = FrontEnd.load(hmm)
    feats = base_features(folder, options).then(lambda _, base: front(base))
    if not (adapt and (hmm / "trans.scp").is_file()):
        return feats
    transforms, speakers = dict(read_matrices(transform_file(hmm, folder.name))), DataDir.read(folder).utt2spk

    def moved(utt: str, own: np.ndarray) -> np.ndarray:
        transform = transforms.get(speakers[utt])
        return own if transform is None else transformed(own, transform)

    return feats.then(moved)


def transform_file(hmm: Path, part: str) -> Path:
    """The speakers' transforms of a set: for the training set those of the training, else from what was recognised."""
    return hmm / ("trans.scp" if part == "train" else f"adapt_{part}/trans.scp")


@dataclass(frozen=True)
class NetworkFeatures:
    """What a network reads; options: of both kinds; hmm: the pass whose labels it has."""

    options: FeaturesOptions
    hmm: str

    @classmethod
    def of(cls, context: Context) -> NetworkFeatures:
        return cls(context.recipe.features, context.labels.name)

    @classmethod
    def from_plain(cls, content: dict[str, Any]) -> NetworkFeatures:
        """Of a stored model."""
        network, hmm = NetworkFeatureOptions(**content["network"]), HmmFeatureOptions(**content["hmm"])
        return cls(FeaturesOptions(network=network, hmm=hmm), content["pass"])

    def plain(self) -> dict[str, Any]:
        """For a model to store."""
        return {**asdict(self.options), "pass": self.hmm}

    @property
    def kind(self) -> str:
        """`hmm` where the network sees what the GMM-HMM sees, else `network`."""
        return "hmm" if self.options.network.type == "hmm" else "network"

    @property
    def frame_shift(self) -> float:
        """Seconds."""
        return (self.options.hmm if self.kind == "hmm" else self.options.network).frame_shift_ms / 1000

    def load(self, folder: Path, align: Path) -> dict[str, np.ndarray]:
        """Features of a data directory by utterance, in memory; align: the folder of the passes."""
        return dict(self.stored(folder, align))

    def stored(self, folder: Path, align: Path) -> Stored:
        """The same, read when they are asked for."""
        if self.kind == "hmm":
            return pass_features(folder, self.options.hmm, align / self.hmm)
        return stored(feature_folder(folder, "network"), self.options.network, DataDir.read(folder).utt2spk)

    def inputs(self, context: Context, parts: tuple[str, ...]) -> dict[Path, str]:
        """Files that `load` reads for some sets, with the stage that makes them."""
        made = feature_inputs(context, parts, self.kind)
        if self.kind == "hmm":
            hmm = context.align / self.hmm
            names = [hmm / "delta_opts", hmm / "splice_opts", hmm / "final.mat"]
            made |= {path: "align" for path in names if path.is_file()}
            transforms = [transform_file(hmm, part) for part in parts] if (hmm / "trans.scp").is_file() else []
            made |= {path: "align" for scp in transforms for path in (scp, scp.with_suffix(".ark"))}
        return made
