"""The folders, features and options with which networks are decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.decode.options import DecodeOptions, Device
from asr_prune.errors import UserError
from asr_prune.features.stored import Stored
from asr_prune.hmm.network_features import NetworkFeatures


@dataclass(frozen=True)
class Decoding:
    """How the networks of an experiment are decoded.

    data: folder of the data directories; lang; align: folder of the GMM-HMM passes; labels: pass
    whose pdfs are the outputs of the networks; graph: decoding graph, None for greedy decoding or
    without an HMM; features: input of the networks; min_frames: frames of speech that a speaker
    needs for an fMLLR transform.
    """

    data: Path
    lang: Path
    align: Path
    labels: str
    graph: Path | None
    features: NetworkFeatures
    options: DecodeOptions
    min_frames: float

    @property
    def ctc(self) -> bool:
        return self.options.type == "ctc"

    @property
    def hmm(self) -> Path:
        """The folder of the pass whose pdfs are the outputs of the networks."""
        return self.align / self.labels

    @property
    def decodable(self) -> bool:
        """Whether networks can be decoded: always with CTC, otherwise with a graph."""
        return self.ctc or self.graph is not None

    def on(self, device: Device) -> Decoding:
        """The same with another `decode.device`."""
        return replace(self, options=replace(self.options, device=device))

    def set(self, part: str) -> Path:
        """The data directory of a set."""
        return self.data / part

    def stored(self, part: str) -> Stored:
        """The features of a set, float32 [frames, dim] by utterance, read on access."""
        return self.features.stored(self.set(part), self.align)

    def check_features(self, features: dict[str, Any], network: Path) -> None:
        """Raises UserError unless the network in the file `network` was trained on what networks read now.

        features: those that the network has stored; {} if none.
        """
        if features and (unlike := NetworkFeatures.from_plain(features).unlike(self.features)):
            raise UserError(
                f"{network} was trained on other features than those of the recipe: {unlike}; restore the settings, "
                "or run asr-prune run without --stage, which trains the run again."
            )

    def load(self, part: str) -> dict[str, np.ndarray]:
        """The same, in memory."""
        return dict(self.stored(part))
