"""A recipe for a Kaldi or Vosk model that exists: prunes it, and lets it learn from itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from asr_prune.acoustic.graph_network import IVECTOR, GraphNetwork
from asr_prune.acoustic.imported import check_posteriors, imported_model
from asr_prune.acoustic.network import Size, size_of
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.corpus.datadir import read_lines
from asr_prune.corpus.scp import audio_paths
from asr_prune.errors import UserError
from asr_prune.features.online.directory import find_files
from asr_prune.features.online.front_end import ModelFrontEnd
from asr_prune.files import atomic_dir, present
from asr_prune.kaldi.model_parts import check_parts
from asr_prune.kaldi.vosk_links import check_graph_dir, link_as_vosk
from asr_prune.nnet3.places import model_file

_HEAD = """# Makes the network of {model} smaller; written by asr-prune import.
# It learns its own outputs again, on audio that needs no transcripts.
"""
_LABELS = """# Beside its outputs stand labels, hmm.labels; train.teacher_weight (0.5) is the part of the outputs.
"""


@dataclass(frozen=True)
class Heard:
    """Data directories, of audio that the model hears while it is pruned, and is compared on.

    dev: None holds out speakers of `train`.
    """

    train: Path
    test: Path
    dev: Path | None = None


@dataclass(frozen=True)
class ImportedModel:
    """What is known of an imported model: its place, its network's size and groups of nodes.

    groups: name and number of nodes of each; stride: feature frames per output; normalised:
    whether outputs are posteriors; columns: of the features; ivector: how many of them are those
    of the i-vector; right: frames that an output reads after its own.
    """

    place: Path
    size: Size
    groups: list[tuple[str, int]]
    outputs: int
    columns: int
    ivector: int
    right: int
    rate: int
    shift: float
    stride: int
    normalised: bool

    def lines(self) -> list[str]:
        """For the terminal."""
        kind = "posteriors" if self.normalised else "scores of a chain model"
        outputs = f"{self.outputs} outputs ({kind}), one for {self.stride} frames of {self.columns} values"
        size = f"{self.size.params} parameters, {self.size.macs} multiply-adds per frame"
        return [
            f"{self.place}: {outputs}",
            size,
            *(f"  {nodes:5d} nodes  {name}" for name, nodes in self.groups),
        ]


def examine_model(place: Path, graph: Path | None = None) -> ImportedModel:
    """Reads a model directory. graph: the directory of its decoding graph, if that is elsewhere.

    Raises UserError if a file is missing or damaged, if the network reads other features than the
    directory describes, and as `check_parts` and `check_graph_dir`.
    """
    if graph:
        check_graph_dir(place, graph)
    front, stride = ModelFrontEnd.read(place), find_files(place).chunk.frame_subsampling_factor
    path, model = model_file(place), imported_model(_network(place, stride))
    network = GraphNetwork.of(model, stride, path)
    check_parts(place, path, model, network.outputs, graph)
    sides = (("input", front.dim), (IVECTOR, front.ivector_dim))
    for name, dim in sides:
        if network.sizes.get(name, 0) != dim:
            has = f"{network.sizes.get(name, 0)} values of {name} a frame"
            raise UserError(f"{path} reads {has}, and the files of its features give {dim}.")
    groups = list(zip([group.name for group in network.groups], network.widths, strict=True))
    if not groups:
        raise UserError(
            f"{path}: no nodes of its graph can be removed, since joined values or normalised blocks "
            "need them all; give another model."
        )
    columns = front.dim + front.ivector_dim, front.ivector_dim, network.context[1]
    conf = front.conf
    sound = round(conf.sample_frequency), conf.frame_shift
    size, kind = size_of(network), network.normalised
    return ImportedModel(place, size, groups, network.outputs, *columns, *sound, stride, kind)


def write_import(
    model: ImportedModel, heard: Heard, folder: Path, graph: Path | None = None, labels: Path | None = None
) -> Path:
    """Writes recipe.yaml into `folder`, a recipe that prunes the model. Returns its path.

    graph: of mkgraph.sh, for a directory of Kaldi's; the recipe's model is `folder`/model then, as
    `link_as_vosk` makes it; labels: of the training utterances, as `take_output_labels` reads them.
    Raises UserError if the folder exists, a data directory has no wav.scp or an empty one, the
    labels are not there, or the model's outputs are no posteriors, which labels go with.
    """
    if labels:
        check_posteriors(model.place, model.normalised, "leave --labels out")
        if not present(labels):
            raise UserError(f"{labels} does not exist; give an alignment directory or an archive with --labels.")
    if present(folder):
        raise UserError(f"{folder} exists; give the recipe another name.")
    for name, place in vars(heard).items():
        if place is not None and not (present(place) and present(place / "wav.scp")):
            raise UserError(f"{place} has no wav.scp; give a data directory of Kaldi's with --{name}.")
        if place is not None and not any(read_lines(place / "wav.scp")):
            fix = f"give a data directory with audio with --{name}"
            raise UserError(f"{place / 'wav.scp'} names no audio; {fix}.")
    with atomic_dir(folder) as partial:
        linked = model
        if graph:
            link_as_vosk(model.place, graph, model.normalised, partial / "model")
            linked = replace(model, place=folder / "model")
        made = recipe_of(linked, heard, _audio_root(heard.train / "wav.scp"), labels)
        head = (_HEAD + _LABELS if labels else _HEAD).format(model=model.place)
        text = head + yaml.safe_dump(made, sort_keys=False)
        (partial / "recipe.yaml").write_text(text, encoding="utf-8")
    return folder / "recipe.yaml"


def _audio_root(scp: Path) -> Path | None:
    """The folder against which the relative paths of a wav.scp lead to files, as in Kaldi's egs;
    None if they are absolute or it is the current one.
    """
    place = next((place for _, place in read_lines(scp)), "")
    found = audio_paths(scp, {"": place})[""]
    return Path(found.removesuffix(place)) if place and found != place and found.endswith(place) else None


def recipe_of(
    model: ImportedModel, heard: Heard, root: Path | None = None, labels: Path | None = None
) -> dict[str, Any]:
    """The recipe that `write_import` writes, plain values. root: of the relative paths in wav.scp."""
    given = {name: place for name, place in vars(heard).items() if place is not None}
    places: dict[str, Any] = {name: str(place.absolute() if root else place) for name, place in given.items()}
    places["transcribed"] = False
    online: dict[str, Any] = {"type": "online", "model": str(model.place), "cmvn": "none"}
    online |= {"rate": model.rate, "frame_shift_ms": model.shift}
    if model.ivector:  # those that the model has where it decodes speech as it comes
        online |= {"ivectors": "chunk", "right_context": model.right}
    return {
        "corpus": {"prepare": "local/kaldi.py", "root": str(root or "."), "options": places, "rate": model.rate},
        **({"hmm": {"labels": str(labels)}} if labels else {}),
        "features": {"hmm": {"rate": model.rate}, "network": online},
        "network": vars_of(_network(model.place, model.stride)),
        "train": {"epochs": 4, "utterances": 1, "learning_rate": 0.0003, "weight_decay": 0.0},
        "prune": {"method": "group_lasso", "warm_up": 0.05, "turn": True},
        "runs": [{"prune": {"budget": {"macs": part}}} for part in (0.75, 0.5)],
    }


def vars_of(network: NetworkOptions) -> dict[str, Any]:
    """The options that say which network it is."""
    names = ("type", "model", "subsampling", "left_context", "right_context")
    return {name: getattr(network, name) for name in names}


def _network(place: Path, stride: int) -> NetworkOptions:
    return NetworkOptions(type="nnet3", model=str(place), subsampling=stride, left_context=0, right_context=0)
