"""Networks of Kaldi's nnet3 models, as recipes name them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.errors import UserError
from asr_prune.nnet3.model import Nnet3, read_nnet3
from asr_prune.nnet3.places import model_file


def imported_model(options: NetworkOptions) -> Nnet3:
    """The model of `network.model`. Raises UserError as `model_file` and `read_nnet3`."""
    return read_nnet3(model_file(Path(options.model)))


def imported_network(options: NetworkOptions) -> GraphNetwork:
    """Its network, in evaluation mode. Raises UserError as `imported_model`, and if it cannot be
    made.
    """
    path = model_file(Path(options.model))
    return GraphNetwork.of(read_nnet3(path), options.subsampling, path)


def checked_network(options: NetworkOptions, inputs: int, outputs: int) -> GraphNetwork:
    """As `imported_network`. Raises UserError if it reads or gives another number of values."""
    network = imported_network(options)
    for what, own, other in (("reads", network.inputs, inputs), ("gives", network.outputs, outputs)):
        if own != other:
            raise UserError(
                f"network.model: {options.model} {what} {own} values a frame and this experiment has {other}; "
                "set features.network.model and network.model to the same directory."
            )
    return network


def nnet3_teacher(path: Path) -> GraphNetwork:
    """The network of an nnet3 model, an output for every frame, as a teacher beside labels. Raises
    UserError as `read_nnet3`, if it cannot be made, or if its outputs are no posteriors.
    """
    network = GraphNetwork.of(read_nnet3(path), 1, path)
    check_posteriors(path, network.normalised, "make it smaller by asr-prune import")
    return network


def check_posteriors(place: Path, normalised: bool, fix: str) -> None:
    """Raises UserError, with the advice `fix`, if a model that labels are to stand beside gives no
    posteriors.
    """
    if not normalised:
        what = "gives scores of a chain model, not posteriors, which labels of frames do not go with"
        raise UserError(f"{place} {what}; {fix}.")


def model_priors(model: Nnet3, outputs: int) -> Tensor:
    """Log priors that are taken off the outputs, float32 [outputs]; 0 for chain models."""
    if not len(model.priors):
        return torch.zeros(outputs)
    return torch.from_numpy(model.priors.copy()).clamp_min(1e-20).log()
