"""The components of nnet3 that are known, and the fields of their files.

After the functions Write and Read of each in Kaldi's nnet3/nnet-simple-component.cc,
nnet-normalize-component.cc, nnet-general-component.cc, nnet-tdnn-component.cc and
nnet-component-itf.cc.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

#: A field's name and type, in the order of the file; "?" marks those that may be missing. Types:
#: int, real (single precision), double, bool, flag (nothing follows), ints (a vector of
#: integers), vector, matrix, and pairs of numbers that follow one name: two_ints, two_reals
_UPDATABLE = "LearningRateFactor:real? IsGradient:bool? MaxChange:real? L2Regularize:real? LearningRate:real?"
#: of the component that always writes <IsGradient> once more
_NO_GRADIENT = _UPDATABLE.replace("IsGradient:bool? ", "")
_STATS = (
    "ValueAvg:vector DerivAvg:vector Count:double OderivRms:vector? OderivCount:double? "
    "NumDimsSelfRepaired:double? NumDimsProcessed:double? "
    "SelfRepairLowerThreshold:real? SelfRepairUpperThreshold:real? SelfRepairScale:real?"
)
_NONLINEAR = f"Dim:int BlockDim:int? {_STATS}"
_OLD_STATS = "ValueAvg:vector? DerivAvg:vector? Count:double?"
_NATURAL = "NumSamplesHistory:real Alpha:real"
_ORTHONORMAL = "OrthonormalConstraint:real?"

_LAYOUTS = {
    "AffineComponent": f"{_UPDATABLE} LinearParams:matrix BiasParams:vector IsGradient:bool? {_ORTHONORMAL}",
    "NaturalGradientAffineComponent": f"{_UPDATABLE} LinearParams:matrix BiasParams:vector "
    "RankIn:int RankOut:int "
    f"{_ORTHONORMAL} UpdatePeriod:int {_NATURAL} MaxChangePerSample:real? IsGradient:bool? "
    "UpdateCount:double? ActiveScalingCount:double? MaxChangeScaleStats:double?",
    "LinearComponent": f"{_UPDATABLE} Params:matrix {_ORTHONORMAL} UseNaturalGradient:bool "
    "RankInOut:two_ints "
    "Alpha:real NumSamplesHistory:real UpdatePeriod:int",
    "FixedAffineComponent": "LinearParams:matrix BiasParams:vector",
    "TdnnComponent": f"{_UPDATABLE} TimeOffsets:ints LinearParams:matrix BiasParams:vector "
    "OrthonormalConstraint:real UseNaturalGradient:bool NumSamplesHistory:real "
    "AlphaInOut:two_reals? "
    "Alpha:real? RankInOut:two_ints",
    "RectifiedLinearComponent": _NONLINEAR,
    "SigmoidComponent": _NONLINEAR,
    "TanhComponent": _NONLINEAR,
    "SoftmaxComponent": _NONLINEAR,
    "LogSoftmaxComponent": _NONLINEAR,
    "NormalizeComponent": f"InputDim:int? Dim:int? BlockDim:int? TargetRms:real? AddLogStddev:bool? {_OLD_STATS}",
    "BatchNormComponent": "Dim:int BlockDim:int Epsilon:real TargetRms:real TestMode:bool "
    "Count:double "
    "StatsMean:vector StatsVar:vector",
    "PerElementScaleComponent": f"{_UPDATABLE} Params:vector IsGradient:bool?",
    "NaturalGradientPerElementScaleComponent": f"{_NO_GRADIENT} Params:vector IsGradient:bool "
    "Rank:int "
    f"UpdatePeriod:int {_NATURAL} MaxChangePerMinibatch:real?",
    "PerElementOffsetComponent": f"{_UPDATABLE} Offsets:vector IsGradient:bool? Dim:int? UseNaturalGradient:bool?",
    "ScaleAndOffsetComponent": f"{_UPDATABLE} Dim:int Scales:vector Offsets:vector UseNaturalGradient:bool Rank:int",
    "FixedScaleComponent": "Scales:vector",
    "FixedBiasComponent": "Bias:vector",
    "DropoutComponent": "Dim:int DropoutProportion:real DropoutPerFrame:bool? TestMode:bool?",
    "GeneralDropoutComponent": "Dim:int BlockDim:int TimePeriod:int DropoutProportion:real "
    "SpecAugmentMaxProportion:real? SpecAugmentMaxRegions:int? TestMode:flag? Continuous:flag?",
    "SpecAugmentTimeMaskComponent": "Dim:int ZeroedProportion:real TimeMaskMaxFrames:int TestMode:flag?",
    "NoOpComponent": "Dim:int BackpropScale:real? "
    + " ".join(f"{part.rstrip('?')}?" for part in _STATS.replace("double", "real").split(" ")),
}


@dataclass(frozen=True)
class Field:
    """A field of a component's file."""

    name: str
    type: str
    optional: bool


@dataclass
class Component:
    """A component: its type and its fields in the order of the file.

    unread: what the file has between the first and the last token of a type that is not in
    LAYOUTS, in the form of the file; None for the others.

    fields: by name without brackets; int, bool, list of int, None for a flag, pairs as tuples;
    numbers, vectors and matrices as numpy float32, or float64 where the file has that.
    LinearParams and Params are [out, in], their columns in the order of the spliced input.
    """

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    unread: bytes | None = None

    @property
    def weight(self) -> Any:
        """float32 [out, in] of an affine or linear component, None for others."""
        found = self.fields.get("LinearParams", self.fields.get("Params"))
        return found if found is not None and found.ndim == 2 else None

    @property
    def bias(self) -> Any:
        """float32 [out] of an affine component, None for others and an empty one."""
        found = self.fields.get("BiasParams")
        return found if found is not None and len(found) else None

    @property
    def dims(self) -> tuple[int, int]:
        """Numbers of inputs and outputs; a TdnnComponent's inputs are those of one frame."""
        if self.weight is not None:
            outputs, inputs = self.weight.shape
            return inputs // max(1, len(self.fields.get("TimeOffsets", [0]))), outputs
        size = self.fields.get("Dim", self.fields.get("InputDim"))
        if size is None:
            size = next(len(value) for value in self.fields.values() if getattr(value, "ndim", 0) == 1)
        more = self.fields.get("BlockDim", size)
        added = size // more if self.fields.get("AddLogStddev") else 0
        return int(size), int(size) + added


def _fields(layout: str) -> Iterator[Field]:
    for part in layout.split(" "):
        name, _, kind = part.partition(":")
        yield Field(name, kind.rstrip("?"), kind.endswith("?"))


#: the fields of each known component, by its type
LAYOUTS: Mapping[str, tuple[Field, ...]] = {kind: tuple(_fields(layout)) for kind, layout in _LAYOUTS.items()}
