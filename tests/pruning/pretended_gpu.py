"""A GPU that is not there: tensors of the CPU that say they are on it. What a GPU refuses, tensors of
two devices in one operation, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, get_default_nowrap_functions
from torch.utils._pytree import tree_leaves, tree_map

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
_DEVICE, _ON_GPU, _GRAD = Tensor.device.__get__, Tensor.is_cuda.__get__, Tensor.grad.__get__
#: take tensors of both devices on a GPU, too
_BOTH = ("copy_", "__set__", "__getitem__", "__setitem__", "_has_compatible_shallow_copy_type")


class OnGpu(Tensor):
    """A tensor that says that it is on the GPU."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        with torch.no_grad():
            copy = there(self.detach().clone())
        copy.requires_grad_(self.requires_grad)
        copy._is_param = isinstance(self, nn.Parameter)  # type: ignore[attr-defined]
        return memo.setdefault(id(self), copy)


def there(value: Any) -> Any:
    """A plain tensor or parameter as one on the GPU, anything else as it is."""
    return value.as_subclass(OnGpu) if type(value) in (Tensor, nn.Parameter) else value


def here(value: Any) -> Any:
    """A tensor on the GPU as one of the CPU, anything else as it is."""
    return value.as_subclass(Tensor) if isinstance(value, OnGpu) else value


class PretendedGpu(TorchFunctionMode):
    """While it is entered, `device="cuda"` gives tensors on the pretended GPU.

    copies: of tensors and numbers to it, each of which waits for all that is queued there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.copies = 0

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        named = dict(kwargs or {})
        tensors = [leaf for leaf in tree_leaves((args, named)) if isinstance(leaf, Tensor)]
        with torch._C.DisableTorchFunctionSubclass():
            self.copies += _copies(function, args, named)
            if function is Tensor.register_hook and isinstance(args[0], OnGpu):
                return function(args[0], partial(self._hook, args[1]))
            if function in (_DEVICE, _ON_GPU):
                on = isinstance(args[0], OnGpu)
                return on if function == _ON_GPU else GPU if on else CPU
            if function is Tensor.to:
                return _moved(*args, **named)
            if (device := named.get("device")) is not None:
                made = function(*args, **{**named, "device": CPU})
                return tree_map(there if torch.device(device).type == "cuda" else here, made)
            return _done(function, tensors, args, named)

    def _hook(self, act: Callable[[Tensor], Any], gradient: Tensor) -> Any:
        """Within a backward pass the mode is not entered."""
        with self:
            return act(there(gradient))


def _copies(function: Callable[..., Any], args: Sequence[Any], named: dict[str, Any]) -> bool:
    """Whether what is called copies to the GPU."""
    name, on = function.__name__, bool(args) and isinstance(args[0], OnGpu)
    if function is Tensor.to:
        return not on and _place_of(*args, **named).type == "cuda"
    if name in ("tensor", "as_tensor"):
        return torch.device(named.get("device") or CPU).type == "cuda"
    indexed = name in ("copy_", "__getitem__", "__setitem__")
    return on and (name == "new_tensor" or (indexed and any(map(_of_cpu, tree_leaves(args[1:])))))


def _of_cpu(value: object) -> bool:
    return isinstance(value, Tensor) and not isinstance(value, OnGpu)


def _done(function: Callable[..., Any], tensors: list[Tensor], args: Sequence[Any], named: dict[str, Any]) -> Any:
    if not any(isinstance(tensor, OnGpu) for tensor in tensors):
        return function(*args, **named)
    if function is Tensor.cpu:
        return here(args[0]).clone()
    name, first = function.__name__, isinstance(tensors[0], OnGpu)
    if function is Tensor.numpy or (not first and name in ("__getitem__", "__setitem__")):
        raise RuntimeError(f"{name} of a tensor on the GPU")
    apart = [tensor for tensor in tensors if tensor.dim() and tensor.numel() and not isinstance(tensor, OnGpu)]
    if apart and name not in _BOTH:
        raise RuntimeError(f"{name} of tensors on two devices: {[(type(t).__name__, *t.shape) for t in tensors]}")
    result = function(*args, **named)
    asis = isinstance(result, torch.Size) or (function in get_default_nowrap_functions() and function != _GRAD)
    return result if asis else tree_map(there, result)


def _moved(tensor: Tensor, *how: Any, device: Any = None, **named: Any) -> Tensor:
    """`tensor.to(...)`, where `how` has a device, a dtype or another tensor."""
    dtypes = [part if isinstance(part, torch.dtype) else part.dtype for part in how if hasattr(part, "itemsize")]
    plain = here(tensor)
    plain = plain.to(*dtypes, **named) if dtypes or named else plain
    return there(plain) if _place_of(tensor, *how, device=device).type == "cuda" else here(plain)


def _place_of(tensor: Tensor, *how: Any, device: Any = None, **named: Any) -> torch.device:
    """The device of what `tensor.to(...)` returns."""
    given = [device, *(part for part in how if isinstance(part, (str, torch.device)))]
    like = [part for part in (*how, tensor) if isinstance(part, Tensor)]
    found = next((torch.device(place) for place in given if place is not None), None)
    return found or (GPU if isinstance(like[0], OnGpu) else CPU)
