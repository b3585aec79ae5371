"""A trained run, as exports need it: its shrunk network and what lies around it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml

from asr_prune.acoustic.checkpoint import Model, load_model
from asr_prune.errors import UserError
from asr_prune.export.deployed import Deployed
from asr_prune.files import digest
from asr_prune.hmm.frontend import FrontEnd
from asr_prune.hmm.network_features import NetworkFeatures
from asr_prune.integrity import checked
from asr_prune.layout import Layout
from asr_prune.nnet3.places import model_file
from asr_prune.run_dir import RunDir


@dataclass(frozen=True)
class TrainedRun:
    """run: its folder."""

    run: RunDir

    @cached_property
    def model(self) -> Model:
        """Its shrunk network. Raises UserError if that is missing or damaged."""
        return load_model(self.run.shrunk)

    @cached_property
    def imported_from(self) -> str:
        """The Kaldi or Vosk model that the network was made from, "" for networks of recipes."""
        recipe = yaml.safe_load(checked(self.run.recipe).read_bytes())
        return str(recipe["network"].get("model") or "")

    @property
    def imported_file(self) -> Path:
        """The file of that model. Raises UserError if it is missing, or another one than the run was trained from."""
        path, then = model_file(Path(self.imported_from)), None
        with suppress(OSError, ValueError, KeyError):  # a run that was copied without its records
            then = json.loads((self.run.records / "train.json").read_text(encoding="utf-8"))["inputs"][str(path)]
        if then not in (None, digest(path)):
            raise UserError(f"{path} is not the model that the run was made from; put it back or train the run again.")
        return path

    @property
    def source(self) -> NetworkFeatures:
        """What the network reads."""
        return NetworkFeatures.from_plain(self.model.features)

    @property
    def hmm(self) -> Path:
        """The folder of the pass whose pdfs the network gives."""
        return Layout.of_run(self.run).hmm(self.source.hmm)

    def deployed(self) -> Deployed:
        """The network with its metadata. Raises UserError if the front end of its pass is damaged."""
        options = self.source.options
        if self.source.kind == "network":
            return Deployed(self.model, options.network)
        adapted = (self.hmm / "trans.scp").is_file()
        return Deployed(self.model, options.hmm, FrontEnd.load(self.hmm), adapted)

    def features(self, part: str) -> dict[str, np.ndarray]:
        """What the network reads of a set, float32 [frames, dim] by utterance. Raises UserError if it is missing."""
        layout = Layout.of_run(self.run)
        if not (layout.set(part) / "utt2spk").is_file():
            raise UserError(f"{layout.set(part)} is not a data directory; run the stages corpus and features.")
        return self.source.load(layout.set(part), layout.align)
