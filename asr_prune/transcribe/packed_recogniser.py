"""The recogniser of a packed model, and its network as a part of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from asr_prune.acoustic.architectures import from_shape
from asr_prune.acoustic.checkpoint import Model
from asr_prune.decode.options import DecodeOptions, Point
from asr_prune.transcribe.packed import NETWORK, PackedFile, damaged_part, reading
from asr_prune.transcribe.recogniser import (
    NetworkRecogniser,
    RecognitionFiles,
    Requested,
    point_of,
)

_PRIORS = "priors"


class PackedRecogniser(NetworkRecogniser):
    """The recogniser of a packed model; nj: processes.

    Raises UserError as `PackedFile.open`, or if the parts do not belong together.
    """

    def __init__(self, path: Path, nj: int = 1) -> None:
        self.packed = PackedFile.open(path)
        card, root = self.packed.card, self.packed.root
        with reading(path):
            model = _model(self.packed)
            options = DecodeOptions(**{key: _tuple(value) for key, value in card["decode"].items()})
            graph = root / "graph" if (root / "graph/HCLG.fst").is_file() else None
            self.best: Point = float(card["lm_weight"]), float(card["penalty"])
            adapted, frames = bool(card["adapted"]), float(card["min_frames"])
            files = RecognitionFiles(root / "lang", root / "hmm", graph, adapted, frames)
            super().__init__(str(path), model, files, options, nj)

    def point(self, requested: Requested) -> Point:
        """LM weight and word penalty: those requested, or else those of the file."""
        return point_of(self.best, requested, self.packed.path)


def network_bytes(model: Model) -> bytes:
    """The tensors of `model` in the format of safetensors, float32."""
    state = {name: value.contiguous() for name, value in model.network.state_dict().items()}
    return save({_PRIORS: model.priors.contiguous()} | state)


def _model(packed: PackedFile) -> Model:
    """Memory is taken for the tensors of the file alone, whatever shape the card states."""
    card = packed.card
    try:
        state = load(packed.read(NETWORK))
    except SafetensorError as error:
        raise damaged_part(packed.path, NETWORK) from error
    priors = state.pop(_PRIORS)
    with torch.device("meta"):
        network = from_shape(card["network"])
    network.load_state_dict(state, assign=True)
    left, right = card["context"]
    features, tokens = card["features"], [str(token) for token in card["tokens"]]
    return Model(network.eval(), priors, (int(left), int(right)), [], features, tokens)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
