"""StateDict dicts in files of torch.save and safetensors, as training programs leave them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import Tensor

from asr_prune.acoustic.checkpoint import read_tensors
from asr_prune.errors import UserError
from asr_prune.integrity import Damaged, checked

StateDict = dict[str, Tensor]
#: keys under which checkpoints keep their state dict; "state" is that of our model files
WRAPPERS = ("state", "state_dict", "model_state_dict", "model")
_MASKED, _MASK = "_orig", "_mask"
#: names of weights that are computed from others, and what makes plain weights of them
_COMPUTED = {
    r"parametrizations\.": "torch.nn.utils.parametrize.remove_parametrizations",
    r"weight_[gv]$": "torch.nn.utils.remove_weight_norm",
    r"weight_[uv]$|_orig$": "torch.nn.utils.remove_spectral_norm (or prune.remove)",
}


def read_weights(path: Path) -> dict[str, Any]:
    """What a file of torch.save, or a .safetensors file, holds by name.

    Tensors of a .safetensors file are in the order of the numbers in their names. Raises UserError
    if the file cannot be read, or holds no dictionary.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(sorted(load_file(checked(path)).items(), key=lambda item: _natural(item[0])))
        content = read_tensors(path)
    except Damaged:
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


def plain_state(path: Path, content: dict[str, Any]) -> StateDict:
    """The weights in `content` by name, in their order.

    The state dict may be under one of `WRAPPERS`, and all names may begin alike, as DataParallel's
    with `module.`. Weights of torch.nn.utils.prune are multiplied by their masks. Raises UserError
    if there is no state dict, or weights are computed from others in another way.
    """
    state = _without_prefix(_unwrapped(path, content))
    masked = [name for name in state if name.endswith(_MASKED) and _mask_of(name) in state]
    masks = {_mask_of(name) for name in masked}
    plain: StateDict = {}
    for name, value in state.items():
        if name in masked:
            plain[name.removesuffix(_MASKED)] = _product(path, name, state)
        elif name not in masks:
            plain[name] = value
    _refuse_computed(path, plain)
    return plain


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts numbers within names by value."""
    parts = re.split(r"(\d+)", name)
    return [(int(part or -1) if part.isdecimal() else -1, part) for part in parts]


def _unwrapped(path: Path, content: dict[str, Any]) -> StateDict:
    """The innermost state dict: what is under one of `WRAPPERS`, else `content` itself."""
    inner = [name for name in WRAPPERS if isinstance(content.get(name), dict)]
    if len(inner) == 1:
        return _unwrapped(path, content[inner[0]])
    if inner or not content or not all(isinstance(value, Tensor) for value in content.values()):
        found = ", ".join(f"{name} ({type(value).__name__})" for name, value in list(content.items())[:6])
        raise UserError(
            f"train.init: {path} holds {found or 'nothing'}; give a file of tensors only (`<name>.weight`, "
            f"`<name>.bias`), by itself or under one of the keys {', '.join(WRAPPERS)}."
        )
    return content


def _without_prefix(state: StateDict) -> StateDict:
    """`state` without the words that all names begin with, as long as layers keep a name."""
    while len({name.partition(".")[0] for name in state}) == 1:
        inner = {name.partition(".")[2]: value for name, value in state.items()}
        if any(not name or name.startswith(("weight", "bias")) for name in inner):
            break
        state = inner
    return state


def _mask_of(name: str) -> str:
    return name.removesuffix(_MASKED) + _MASK


def _product(path: Path, name: str, state: StateDict) -> Tensor:
    weight, mask = state[name], state[_mask_of(name)]
    if weight.shape != mask.shape:
        shapes = f"{list(weight.shape)} and its mask {list(mask.shape)}"
        raise UserError(f"train.init: {name} is {shapes} in {path}; save the weights and masks of one network.")
    return weight * mask


def _refuse_computed(path: Path, names: Iterable[str]) -> None:
    for name in names:
        for pattern, remedy in _COMPUTED.items():
            if re.search(pattern, name):
                raise UserError(
                    f"train.init: {name} in {path} is a part from which a weight is computed; "
                    f"apply {remedy} before saving."
                )
