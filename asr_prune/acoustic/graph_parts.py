"""The parts of a network that is made from an nnet3 graph."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from asr_prune.acoustic.node_layer import by_rows
from asr_prune.acoustic.sized import SizedByWeight
from asr_prune.errors import UserError
from asr_prune.nnet3.components import Component

#: the least mean square of a NormalizeComponent (Kaldi: kSquaredNormFloor)
_FLOOR = 2.0**-66
#: types of affine and linear components
MAPS = (
    *("AffineComponent", "NaturalGradientAffineComponent", "LinearComponent"),
    *("FixedAffineComponent", "TdnnComponent"),
)
FIXED = "FixedAffineComponent"
#: in test mode it multiplies by what it keeps, unlike GeneralDropoutComponent
DROPOUT = "DropoutComponent"
#: types that do nothing outside of training
PASSING = ("GeneralDropoutComponent", "SpecAugmentTimeMaskComponent", "NoOpComponent")
ACTIVATING = {
    "RectifiedLinearComponent": torch.relu,
    "SigmoidComponent": torch.sigmoid,
    "TanhComponent": torch.tanh,
}
NORMALISING = "NormalizeComponent"
#: types that scale and shift each value for itself
SCALING = (
    *("BatchNormComponent", "PerElementScaleComponent", "NaturalGradientPerElementScaleComponent"),
    *("PerElementOffsetComponent", "ScaleAndOffsetComponent", "FixedScaleComponent", "FixedBiasComponent"),
)


_EMPTY = nn.ModuleDict()


class GraphMap(SizedByWeight):
    """An affine map of frames that are joined: `y = b + sum_k W_k x_k`.

    weight: [rows, columns], with several frames of one node [rows, taps, columns]. A map without
    a bias has one of zeros, which is not trained, but takes up constants of removed nodes. rate:
    evaluations per feature frame; trained: False for a FixedAffineComponent.
    """

    def __init__(self, rows: int, columns: int, taps: int, biased: bool, trained: bool) -> None:
        super().__init__(columns, rows)
        shape = (rows, columns) if taps == 1 else (rows, taps, columns)
        self.weight = nn.Parameter(self.weight.new_zeros(shape), requires_grad=trained)
        self.bias = nn.Parameter(self.weight.new_zeros(rows), requires_grad=trained and biased)
        self.rate = 1.0

    def read(self, x: Tensor) -> Tensor:
        """[frames, (taps,) columns] as the weight multiplies it, [frames, taps * columns]."""
        return x.flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """x: [frames, columns], with several frames of one node [frames, taps, columns]."""
        return nn.functional.linear(self.read(x), by_rows(self.weight), self.bias)


class Scaling(nn.Module):
    """`scale * x + offset`, [nodes] each, which are not trained."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(size), requires_grad=False)
        self.offset = nn.Parameter(torch.zeros(size), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.offset


class Normalising(nn.Module):
    """Brings each frame, or each `block` of its values, to a root mean square of `target`
    (NormalizeComponent). block: 0 for all values.
    """

    def __init__(self, block: int, target: float, deviation: bool) -> None:
        super().__init__()
        self.block, self.target, self.deviation = block, target, deviation

    def forward(self, x: Tensor, kept: Tensor | None = None) -> Tensor:
        """kept: the values that the mean is over, boolean [values]; None: all."""
        blocks = x.unflatten(1, (-1, self.block)) if self.block else x[:, None]
        if kept is None:
            square = blocks.square().mean(2, keepdim=True)
        else:
            square = (blocks.square() * kept).sum(2, keepdim=True) / kept.sum().clamp_min(1)
        mean = square / self.target**2
        factor = mean.clamp_min(_FLOOR).rsqrt()
        parts = [blocks * factor]
        if self.deviation:
            parts.append(math.log(self.target) - factor.log())
        return torch.cat(parts, 2).flatten(1)


class Elementwise(nn.Module):
    """An activation function."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.function = ACTIVATING[kind]

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Keeping(nn.Module):
    """Multiplies by a number (DropoutComponent::Propagate in test mode)."""

    def __init__(self, keep: float) -> None:
        super().__init__()
        self.keep = keep

    def forward(self, x: Tensor) -> Tensor:
        return x * self.keep


def module_key(name: str) -> str:
    """The name of a component as that of a module, which must not be one of torch's own attributes."""
    key = name.replace(".", "/")
    return f"{key}/" if hasattr(_EMPTY, key) else key


def spec_of(component: Component, taps: int) -> dict[str, Any]:
    """What `make_part` needs of a component, plain values. taps: frames of one node that it joins."""
    inputs, outputs = component.dims
    spec: dict[str, Any] = {"kind": component.kind, "size": outputs}
    if component.kind in MAPS:
        spec |= {"columns": component.weight.shape[1] // taps, "taps": taps, "biased": component.bias is not None}
        spec["offsets"] = component.fields.get("TimeOffsets")
    if component.kind == DROPOUT and (dropped := float(component.fields["DropoutProportion"])):
        spec["keep"] = 1 - dropped
    if component.kind == NORMALISING:
        fields = component.fields
        block = int(fields.get("BlockDim", inputs))
        spec |= {"block": block % inputs, "target": float(fields.get("TargetRms", 1))}
        spec |= {"deviation": bool(fields.get("AddLogStddev", False))}
    return spec


def skeleton(spec: dict[str, Any]) -> Component:
    """A component that reads and gives as many values as `spec` says, without values. One that
    normalises all of a frame has a BlockDim of 0.
    """
    fields: dict[str, Any] = {"Dim": spec["size"]}
    if spec.get("offsets") is not None:
        fields["TimeOffsets"] = spec["offsets"]
    if spec["kind"] == NORMALISING:
        fields |= {"BlockDim": spec["block"], "AddLogStddev": spec["deviation"]}
    return Component(spec["kind"], fields)


def make_part(spec: dict[str, Any]) -> nn.Module:
    """A part with arbitrary values."""
    kind = spec["kind"]
    if kind in MAPS:
        return GraphMap(spec["size"], spec["columns"], spec["taps"], spec["biased"], kind != FIXED)
    if kind in SCALING:
        return Scaling(spec["size"])
    if kind in ACTIVATING:
        return Elementwise(kind)
    if "keep" in spec:
        return Keeping(spec["keep"])
    if kind == NORMALISING:
        return Normalising(spec["block"], spec["target"], spec["deviation"])
    if kind == "SoftmaxComponent":
        return nn.Softmax(-1)
    return nn.LogSoftmax(-1) if kind == "LogSoftmaxComponent" else nn.Identity()


@torch.no_grad()
def fill_part(part: nn.Module, component: Component, what: str) -> None:
    """Copies the values of a component. what: names it. Raises UserError if it was never trained."""
    if isinstance(part, GraphMap):
        part.weight.copy_(torch.from_numpy(component.weight.copy()).view_as(part.weight))
        if component.bias is not None:
            part.bias.copy_(torch.from_numpy(component.bias.copy()))
    elif isinstance(part, Scaling):
        scale, offset = scale_and_offset(component, what)
        size = component.dims[1]
        part.scale.copy_(torch.from_numpy(np.resize(scale, size)))
        part.offset.copy_(torch.from_numpy(np.resize(offset, size)))


def scale_and_offset(component: Component, what: str) -> tuple[np.ndarray, np.ndarray]:
    """`scale * x + offset` of a component of SCALING, float32 [block] each.

    Batch normalisation as in its test mode (BatchNormComponent::ComputeOffsetAndScale).
    """
    fields = component.fields
    if component.kind == "BatchNormComponent":
        if not fields["Count"]:
            raise UserError(f"{what} has counted no frames; give a model that has been trained.")
        variance = np.maximum(fields["StatsVar"].astype(np.float64), 0) + fields["Epsilon"]
        scale = fields["TargetRms"] * variance**-0.5
        return scale.astype(np.float32), (-fields["StatsMean"] * scale).astype(np.float32)
    scale = fields.get("Scales", fields.get("Params"))
    offset = fields.get("Offsets", fields.get("Bias"))
    scale = np.ones_like(offset) if scale is None else scale
    return scale.astype(np.float32), (np.zeros_like(scale) if offset is None else offset).astype(np.float32)
