"""Starting from a network that was trained before: ours, anybody's weights, or Kaldi's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from asr_prune.acoustic.network import Network
from asr_prune.acoustic.nnet1 import Nnet1, is_nnet1, read_nnet1
from asr_prune.errors import UserError

_State = dict[str, Tensor]
_FIX = "give a network of the same shape, or set network to its shape"


def weights_file(init: Path) -> Path:
    """The file that `train.init` means: itself, or a run folder's model/network.pt.

    Raises UserError where there is no such file.
    """
    file = init / "model/network.pt" if init.is_dir() else init
    if not file.is_file():
        raise UserError(
            f"train.init: {file} is not there; give a trained run's folder, a .pt or .safetensors file of weights, "
            "or a Kaldi nnet1 file."
        )
    return file


@torch.no_grad()
def start_from(init: Path, network: Network, context: tuple[int, int]) -> None:
    """Puts the weights that `init` holds into `network`; its input normalisation too, where `init` has one.

    Raises UserError where they cannot be read or do not fit; `network` is then as it was.
    """
    path = weights_file(init)
    if is_nnet1(path):
        state = _from_nnet1(path, read_nnet1(path), network, context)
    else:
        content = _read(path)
        _check_context(path, content, network, context)
        inner = content.get("state", content)
        state = _by_name(path, inner if isinstance(inner, dict) else {}, network)
    _check_shapes(path, state, network)
    network.load_state_dict(network.state_dict() | state)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(sorted(load_file(path).items(), key=lambda item: _natural(item[0])))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"train.init: {path} cannot be read as weights ({type(error).__name__}); give a file that torch.save wrote "
            "with tensors only, a .safetensors file, or a Kaldi nnet1 file."
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"train.init: {path} holds a {type(content).__name__}, not weights by name; give a state dict.")
    return content


def _check_context(path: Path, content: dict[str, Any], network: Network, context: tuple[int, int]) -> None:
    shape = network.shape()
    known = {"type": shape["type"], "activation": shape["activation"], "context": list(context)}
    shaped = content.get("shape") if "state" in content else None
    theirs = {"context": content.get("context"), **shaped} if isinstance(shaped, dict) else {}
    for key, own in known.items():
        if theirs.get(key) not in (None, own):
            raise UserError(f"train.init: {path} has the {key} {theirs[key]} and network {own}; {_FIX}.")


def _by_name(path: Path, state: dict[str, Any], network: Network) -> _State:
    """The tensors under the network's own names; else affine maps in the order of the file (of .safetensors, which has
    none: of the names).
    """
    own = network.state_dict()
    state = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    needed = {name for name, _ in network.named_parameters()}
    if needed == {name for name in state if name.endswith((".weight", ".bias"))}:
        return {name: state[name] for name in own if name in state}
    maps = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    whole = all(layer.bias is not None for layer in network.affine)
    if not whole or len(maps) != len(network.affine) or any(f"{name}.bias" not in state for name in maps):
        raise UserError(
            f"train.init: {path} holds {len(maps)} affine maps with weight and bias and the network "
            f"{len(network.affine)}; {_FIX}."
        )
    targets = [name.removesuffix(".weight") for name in own if name.endswith(".weight")]
    pairs = list(zip(targets, maps, strict=True))
    return {f"{ours}.{part}": state[f"{theirs}.{part}"] for ours, theirs in pairs for part in ("weight", "bias")}


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part or -1) if part.isdecimal() else -1, part) for part in re.split(r"(\d+)", name)]


def _from_nnet1(path: Path, found: Nnet1, network: Network, context: tuple[int, int]) -> _State:
    wanted = [network.activation] * len(network.widths)
    if found.activations != wanted:
        told = "/".join(found.activations) or "no"
        raise UserError(f"train.init: {path} has {told} activations and network {'/'.join(wanted)}; {_FIX}.")
    if found.offsets is not None and found.offsets != list(range(-context[0], context[1] + 1)):
        raise UserError(
            f"train.init: {path} splices frames {found.offsets} and the network {-context[0]} to {context[1]}; {_FIX}."
        )
    targets = [name.removesuffix(".weight") for name in network.state_dict() if name.endswith(".weight")]
    if len(found.weights) != len(targets):
        raise UserError(
            f"train.init: {path} holds {len(found.weights)} affine maps and the network {len(targets)}; {_FIX}."
        )
    state: _State = {}
    for name, weight, bias in zip(targets, found.weights, found.biases, strict=True):
        state |= {f"{name}.weight": torch.from_numpy(weight), f"{name}.bias": torch.from_numpy(bias)}
    if found.scale is not None and found.offset is not None:
        if not found.scale.all():
            raise UserError(f"train.init: a <Rescale> in {path} has zeros; such inputs cannot be normalised.")
        state["scale"] = torch.from_numpy(found.scale)
        state["shift"] = torch.from_numpy(-found.offset / found.scale)
    return state


def _check_shapes(path: Path, state: _State, network: Network) -> None:
    own = network.state_dict()
    for name, value in state.items():
        if value.shape != own[name].shape:
            theirs, ours = (list(tensor.shape) for tensor in (value, own[name]))
            raise UserError(f"train.init: {name} is {theirs} in {path} and {ours} in the network; {_FIX}.")
        if not torch.isfinite(value).all():
            raise UserError(
                f"train.init: {name} in {path} holds values that are no finite numbers; give other weights."
            )
