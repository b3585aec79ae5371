"""Initial weights from a trained network: a model file, any weights file, or a Kaldi nnet1 file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from asr_prune.acoustic.checkpoint import read_tensors
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.nnet1 import Nnet1, is_nnet1, read_nnet1
from asr_prune.errors import UserError
from asr_prune.integrity import checked
from asr_prune.run_dir import RunDir

_State = dict[str, Tensor]
_FIX = "give a network of the same shape, or set network to its shape"


def weights_file(init: Path) -> Path:
    """The file of `train.init`: itself, or model/network.pt of a run's folder.

    Raises UserError if there is no such file.
    """
    file = RunDir(init).network if init.is_dir() else init
    if not file.is_file():
        raise UserError(
            f"train.init: {file} is not there; give a trained run's folder, "
            "a .pt or .safetensors file of weights, or a Kaldi nnet1 file."
        )
    return file


@torch.no_grad()
def start_from(init: Path, network: Network, context: tuple[int, int]) -> None:
    """Loads the weights of `init` into `network`, and its input normalisation if it has one.

    context: frames spliced left and right. Raises UserError if the weights cannot be read or do not
    fit; `network` is then unchanged.
    """
    path = weights_file(init)
    if is_nnet1(path):
        state = _from_nnet1(path, read_nnet1(path), network, context)
    else:
        content = _read(path)
        _check_context(path, content, network, context)
        inner = content.get("state", content)
        state = _by_name(path, inner if isinstance(inner, dict) else {}, network)
    _check_values(path, state, network)
    network.load_state_dict(network.state_dict() | state)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(sorted(load_file(checked(path)).items(), key=lambda item: _natural(item[0])))
        content = read_tensors(path)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"train.init: {path} cannot be read as weights ({type(error).__name__}); "
            "give a file of torch.save with tensors only, a .safetensors file, or a Kaldi nnet1 file."
        ) from error
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise UserError(f"train.init: {path} holds a {kind}, not weights by name; give a state dict.")
    return content


def _check_context(
    path: Path,
    content: dict[str, Any],
    network: Network,
    context: tuple[int, int],
) -> None:
    """Compares type, activation and context with those of a model file."""
    shape = network.shape()
    expected = {"type": shape["type"], "activation": shape["activation"], "context": list(context)}
    stored = content.get("shape") if "state" in content else None
    actual = {"context": content.get("context"), **stored} if isinstance(stored, dict) else {}
    for key, value in expected.items():
        if actual.get(key) not in (None, value):
            raise UserError(f"train.init: {path} has the {key} {actual[key]} and network {value}; {_FIX}.")


def _by_name(path: Path, state: dict[str, Any], network: Network) -> _State:
    """The tensors with the network's names; failing that, the affine maps in order.

    The order is that of the file, in a .safetensors file that of the names.
    """
    names = network.state_dict()
    state = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    needed = {name for name, _ in network.named_parameters()}
    if needed == {name for name in state if name.endswith((".weight", ".bias"))}:
        return {name: state[name] for name in names if name in state}
    maps = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    all_biased = all(layer.bias is not None for layer in network.affine)
    complete = all(f"{name}.bias" in state for name in maps)
    if not all_biased or not complete or len(maps) != len(network.affine):
        raise UserError(
            f"train.init: {path} holds {len(maps)} affine maps with weight and bias and the network "
            f"{len(network.affine)}; {_FIX}."
        )
    return {
        f"{target}.{part}": state[f"{source}.{part}"]
        for target, source in zip(_affine_names(network), maps, strict=True)
        for part in ("weight", "bias")
    }


def _affine_names(network: Network) -> list[str]:
    names = network.state_dict()
    return [name.removesuffix(".weight") for name in names if name.endswith(".weight")]


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts numbers within names by value."""
    parts = re.split(r"(\d+)", name)
    return [(int(part or -1) if part.isdecimal() else -1, part) for part in parts]


def _from_nnet1(path: Path, nnet: Nnet1, network: Network, context: tuple[int, int]) -> _State:
    targets = _affine_names(network)
    _check_nnet1(path, nnet, network, context, len(targets))
    state: _State = {}
    for name, weight, bias in zip(targets, nnet.weights, nnet.biases, strict=True):
        state |= {f"{name}.weight": torch.from_numpy(weight), f"{name}.bias": torch.from_numpy(bias)}
    if nnet.scale is not None and nnet.offset is not None:
        if not nnet.scale.all():
            raise UserError(f"train.init: a <Rescale> in {path} has zeros; such inputs cannot be normalised.")
        state["scale"] = torch.from_numpy(nnet.scale)
        state["shift"] = torch.from_numpy(-nnet.offset / nnet.scale)
    return state


def _check_nnet1(path: Path, nnet: Nnet1, network: Network, context: tuple[int, int], maps: int) -> None:
    """Compares activations, context and the number of affine maps with those of the network."""
    wanted = [network.activation] * len(network.widths)
    if nnet.activations != wanted:
        actual = "/".join(nnet.activations) or "no"
        expected = "/".join(wanted)
        raise UserError(f"train.init: {path} has {actual} activations and network {expected}; {_FIX}.")
    left, right = context
    if nnet.offsets is not None and nnet.offsets != list(range(-left, right + 1)):
        raise UserError(f"train.init: {path} splices frames {nnet.offsets} and the network {-left} to {right}; {_FIX}.")
    if len(nnet.weights) != maps:
        raise UserError(f"train.init: {path} holds {len(nnet.weights)} affine maps and the network {maps}; {_FIX}.")


def _check_values(path: Path, state: _State, network: Network) -> None:
    """Compares shapes, and refuses infinite values and NaN."""
    expected = network.state_dict()
    for name, value in state.items():
        if value.shape != expected[name].shape:
            theirs, ours = (list(tensor.shape) for tensor in (value, expected[name]))
            raise UserError(f"train.init: {name} is {theirs} in {path} and {ours} in the network; {_FIX}.")
        if not torch.isfinite(value).all():
            raise UserError(f"train.init: {name} in {path} has infinite values or NaN; give other weights.")
