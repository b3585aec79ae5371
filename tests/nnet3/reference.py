"""The outputs of an nnet3 model, frame by frame from the definition of its format.

Slow, and independent of the package but for the file's reader: each value of each node at each time
is computed from what Kaldi's nnet-descriptor.cc (MapToInput) and the functions Propagate of its
components say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from asr_prune.nnet3.descriptor import Descriptor
from asr_prune.nnet3.model import Nnet3

Value = np.ndarray | None  # None: cannot be computed


class Reference:
    """A model on one utterance. inputs: float [frames, dim] by name; an i-vector is read at any
    time; context: frames by which the first and last frame are repeated.
    """

    def __init__(self, model: Nnet3, inputs: Mapping[str, np.ndarray], context: tuple[int, int]) -> None:
        self.model, self.inputs, self.context = model, inputs, context
        self.nodes = {node.name: node for node in model.nodes}
        self.known: dict[tuple[str, int], Value] = {}

    def outputs(self, stride: int, name: str = "output") -> np.ndarray:
        """[frames out, classes]."""
        rows = [self.at(name, t) for t in range(0, len(self.inputs["input"]), stride)]
        assert all(row is not None for row in rows)
        return np.stack(rows)  # type: ignore[arg-type]

    def at(self, name: str, t: int) -> Value:
        if (name, t) not in self.known:
            self.known[name, t] = self._node(name, t)
        return self.known[name, t]

    def _node(self, name: str, t: int) -> Value:
        node = self.nodes[name]
        if node.kind == "input-node":
            return self._input(name, t)
        if node.kind == "dim-range-node":
            whole, first = self.at(node.settings["input-node"], t), int(node.settings["dim-offset"])
            return None if whole is None else whole[first : first + int(node.settings["dim"])]
        assert node.input is not None
        if node.kind == "output-node":
            return self._read(node.input, t)
        component = self.model.components[node.component]
        frames = [self._read(node.input, t + d) for d in component.fields.get("TimeOffsets", [0])]
        if any(frame is None for frame in frames):
            return None
        return _propagate(component.kind, component.fields, np.concatenate(frames))  # type: ignore[arg-type]

    def _input(self, name: str, t: int) -> Value:
        values = self.inputs[name].astype(np.float64)
        if name == "ivector":
            return values[min(max(t, 0), len(values) - 1)]
        if not -self.context[0] <= t < len(values) + self.context[1]:
            return None
        return values[min(max(t, 0), len(values) - 1)]

    def _read(self, source: Descriptor, t: int) -> Value:
        kind = source.kind
        if kind == "node":
            return self.at(source.name, t)
        if kind == "Offset":
            return self._read(source.parts[0], t + int(source.values[0]))
        if kind == "Round":
            return self._read(source.parts[0], t - t % int(source.values[0]))
        if kind == "ReplaceIndex":
            letter, value = source.values
            whole = [*source.parts[0].nodes()] == ["ivector"]  # one for each frame stands for the one
            return self._read(source.parts[0], int(value) if letter == "t" and not whole else t)
        if kind == "Const":
            return np.full(int(source.values[1]), float(source.values[0]))
        parts = [self._read(part, t) for part in source.parts]
        if kind == "IfDefined":
            return np.zeros(1) if parts[0] is None else parts[0]
        if kind == "Failover":
            return parts[1] if parts[0] is None else parts[0]
        if any(part is None for part in parts):
            return None
        if kind == "Scale":
            return float(source.values[0]) * parts[0]  # type: ignore[operator]
        if kind == "Append":
            return np.concatenate(parts)  # type: ignore[arg-type]
        return sum(np.broadcast_arrays(*parts))  # type: ignore[arg-type,return-value]


def _propagate(kind: str, fields: Mapping[str, Any], x: np.ndarray) -> np.ndarray:
    if "LinearParams" in fields:
        bias = fields["BiasParams"]
        return fields["LinearParams"].astype(float) @ x + (bias if len(bias) else 0)
    if kind == "LinearComponent":
        return fields["Params"].astype(float) @ x
    if kind == "BatchNormComponent":
        factor = fields["TargetRms"] / np.sqrt(fields["StatsVar"].astype(float) + fields["Epsilon"])
        blocks = x.reshape(-1, fields["BlockDim"])
        return ((blocks - fields["StatsMean"]) * factor).reshape(-1)
    if kind == "NormalizeComponent":
        blocks = x.reshape(-1, fields.get("BlockDim", fields["InputDim"]))
        rms = np.sqrt((blocks**2).mean(1, keepdims=True))
        normal = blocks / rms * fields["TargetRms"]
        return (np.concatenate([normal, np.log(rms)], 1) if fields["AddLogStddev"] else normal).reshape(-1)
    if kind == "SoftmaxComponent":
        return np.exp(x) / np.exp(x).sum()
    if kind == "DropoutComponent":
        return x * (1 - fields["DropoutProportion"])
    plain = {
        "RectifiedLinearComponent": lambda: np.maximum(x, 0),
        "SigmoidComponent": lambda: 1 / (1 + np.exp(-x)),
        "TanhComponent": lambda: np.tanh(x),
        "LogSoftmaxComponent": lambda: x - np.log(np.exp(x).sum()),
        "PerElementScaleComponent": lambda: x * fields["Params"],
        "NaturalGradientPerElementScaleComponent": lambda: x * fields["Params"],
        "PerElementOffsetComponent": lambda: x + fields["Offsets"],
        "ScaleAndOffsetComponent": lambda: (
            x.reshape(-1, len(fields["Scales"])) * fields["Scales"] + fields["Offsets"]
        ).reshape(-1),
        "FixedScaleComponent": lambda: x * fields["Scales"],
        "FixedBiasComponent": lambda: x + fields["Bias"],
    }
    return plain[kind]() if kind in plain else x  # general dropout, spec-augment and no-op outside of training
