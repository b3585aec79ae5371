"""Initial weights from a trained network: a model file, any weights file, or a Kaldi nnet1 file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.nnet1 import Nnet1, is_nnet1, read_nnet1
from asr_prune.acoustic.state_dict import StateDict, plain_state, read_weights
from asr_prune.acoustic.thin import multiply_maps, select_all_inputs, select_inputs
from asr_prune.errors import UserError
from asr_prune.run_dir import RunDir

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
        content = _made_whole(path, read_weights(path), network)
        _check_context(path, content, network, context)
        state = _by_name(path, plain_state(path, content), network)
    _check_values(path, state, network)
    network.load_state_dict(network.state_dict() | state)


def _made_whole(path: Path, content: dict[str, Any], network: Network) -> dict[str, Any]:
    """A model file's content with whole maps, and the inputs of `network`: those that its own
    network does not read have weights of zero, and the normalisation of `network`.
    """
    shape, chosen = content.get("shape"), network.selection
    if not isinstance(shape, dict) or not ({"columns", "ranks"} & shape.keys() or chosen is not None):
        return content
    model = load_model(path).network
    multiply_maps(model)
    if model.inputs != network.inputs:
        select_all_inputs(model, torch.zeros(model.inputs), torch.ones(model.inputs))
    else:
        read = slice(None) if chosen is None else chosen
        shift, scale = torch.zeros(model.inputs), torch.ones(model.inputs)
        shift[read], scale[read] = network.shift.cpu(), network.scale.cpu()
        select_all_inputs(model, shift, scale)
        if chosen is not None:
            select_inputs(model, chosen.cpu())
    return content | {"shape": model.shape(), "state": model.state_dict()}


def _check_context(
    path: Path,
    content: dict[str, Any],
    network: Network,
    context: tuple[int, int],
) -> None:
    """Compares with those of a model file what weights are for and their sizes do not tell."""
    shape = network.shape()
    expected = {"type": shape["type"], "activation": shape["activation"], "context": list(context)}
    expected |= {key: shape[key] for key in ("taps", "strides", "bypass") if key in shape}
    stored = content.get("shape") if "state" in content else None
    actual = {"context": content.get("context"), **stored} if isinstance(stored, dict) else {}
    for key, value in expected.items():
        if actual.get(key) not in (None, value):
            raise UserError(f"train.init: {path} has the {key} {actual[key]} and network {value}; {_FIX}.")


def _by_name(path: Path, state: StateDict, network: Network) -> StateDict:
    """The tensors with the network's names; failing that, the affine maps in order.

    The order is that of the file, in a .safetensors file that of the names. Raises UserError if the
    file has tensors that are not of the network, or affine maps.
    """
    names = network.state_dict()
    needed = {name for name, _ in network.named_parameters() if name.endswith((".weight", ".bias"))}
    if needed == {name for name in state if name.endswith((".weight", ".bias"))}:
        _refuse_others(path, [name for name in state if name not in names], names)
        return {name: state[name] for name in names if name in state}
    maps = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    all_biased = all(layer.bias is not None for layer in network.affine)
    complete = all(f"{name}.bias" in state for name in maps)
    if not all_biased or not complete or len(maps) != len(network.affine):
        raise UserError(
            f"train.init: {path} holds {len(maps)} affine maps with weight and bias and the network "
            f"{len(network.affine)}; {_FIX}."
        )
    parts = {f"{name}.{part}" for name in maps for part in ("weight", "bias")}
    _refuse_others(path, [name for name in state if name not in parts], names)
    return {
        f"{target}.{part}": state[f"{source}.{part}"]
        for target, source in zip(_affine_names(network), maps, strict=True)
        for part in ("weight", "bias")
    }


def _refuse_others(path: Path, others: Sequence[str], names: Iterable[str]) -> None:
    if others:
        raise UserError(
            f"train.init: {path} holds {', '.join(others[:4])} ({len(others)} in all) besides its affine maps; save "
            f"`<name>.weight` and `<name>.bias` only, or all under the network's names ({', '.join(names)})."
        )


def _affine_names(network: Network) -> list[str]:
    names = network.state_dict()
    return [name.removesuffix(".weight") for name in names if name.endswith(".weight")]


def _from_nnet1(path: Path, nnet: Nnet1, network: Network, context: tuple[int, int]) -> StateDict:
    targets = _affine_names(network)
    _check_nnet1(path, nnet, network, context, len(targets))
    state: StateDict = {}
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


def _check_values(path: Path, state: StateDict, network: Network) -> None:
    """Compares shapes, and refuses infinite values and NaN."""
    expected = network.state_dict()
    for name, value in state.items():
        if value.shape != expected[name].shape:
            theirs, ours = (list(tensor.shape) for tensor in (value, expected[name]))
            raise UserError(f"train.init: {name} is {theirs} in {path} and {ours} in the network; {_FIX}.")
        if not torch.isfinite(value).all():
            raise UserError(f"train.init: {name} in {path} has infinite values or NaN; give other weights.")
