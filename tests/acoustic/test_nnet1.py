"""Kaldi's nnet1 networks, written here as nnet1 writes them, against a loop over their components."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.initial import start_from
from asr_prune.acoustic.nnet1 import is_nnet1, read_nnet1
from asr_prune.errors import UserError
from asr_prune.kaldi_format import KaldiWriter

rng = np.random.default_rng(0)
WEIGHTS = [rng.standard_normal(shape).astype(np.float32) for shape in ((5, 6), (4, 5), (3, 4))]
BIASES = [rng.standard_normal(size).astype(np.float32) for size in (5, 4, 3)]
RELU_RATES = ("<AlphaLearnRateCoef>", "<BetaLearnRateCoef>")
SHIFT, SCALE = rng.standard_normal(6).astype(np.float32), (rng.random(6) + 0.5).astype(np.float32)


def write(path: Path, binary: bool, transform: bool = True, activation: str = "<Sigmoid>", ends: bool = True) -> Path:
    """As Nnet::Write does: a component's token, its sizes, its numbers, <!EndOfComponent>."""
    out = KaldiWriter(binary)
    out.token("<Nnet>", line=True)

    def begin(kind: str, outputs: int, inputs: int) -> None:
        out.token(kind)
        out.integer(outputs)
        out.integer(inputs)

    def end() -> None:
        if ends:
            out.token("<!EndOfComponent>", line=True)

    if transform:
        begin("<Splice>", 6, 2)
        out.ints([-1, 0, 1])
        end()
        for kind, values in (("<AddShift>", SHIFT), ("<Rescale>", SCALE)):
            begin(kind, 6, 6)
            out.token("<LearnRateCoef>")
            out.real(0.0)
            out.vector(values)
            end()
    for i, (weight, bias) in enumerate(zip(WEIGHTS, BIASES, strict=True)):
        begin("<AffineTransform>", *weight.shape)
        for rate in ("<LearnRateCoef>", "<BiasLearnRateCoef>", "<MaxNorm>"):
            out.token(rate)
            out.real(1.0)
        out.matrix(weight)
        out.vector(bias)
        end()
        last = i == len(WEIGHTS) - 1
        begin("<Softmax>" if last else activation, len(bias), len(bias))
        if not last and activation == "<ParametricRelu>":
            for rate in RELU_RATES:
                out.token(rate)
                out.real(0.0)
            out.vector(np.ones(len(bias)))
            out.vector(np.zeros(len(bias)))
        end()
    out.token("</Nnet>", line=True)
    path.write_bytes(bytes(out.data))
    return path


def slow_forward(frame: list[float], transform: bool, activation: str) -> list[float]:
    x = [float(s) * (v + float(b)) for v, b, s in zip(frame, SHIFT, SCALE, strict=True)] if transform else frame
    for i, (weight, bias) in enumerate(zip(WEIGHTS, BIASES, strict=True)):
        x = [
            sum(float(w) * v for w, v in zip(row, x, strict=True)) + float(b)
            for row, b in zip(weight, bias, strict=True)
        ]
        if i < len(WEIGHTS) - 1:
            x = [max(v, 0.0) if activation == "<ParametricRelu>" else 1 / (1 + math.exp(-v)) for v in x]
    return x


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "text"])
@pytest.mark.parametrize("transform", [True, False], ids=["with transform", "without"])
@pytest.mark.parametrize("activation", ["<Sigmoid>", "<ParametricRelu>"])
def test_the_network_computes_what_kaldis_components_do(
    tmp_path: Path, binary: bool, transform: bool, activation: str
) -> None:
    path = write(tmp_path / "final.nnet", binary, transform, activation)
    network = FeedForward(6, (5, 4), 3, "relu" if activation == "<ParametricRelu>" else "sigmoid").eval()
    assert is_nnet1(path)
    start_from(path, network, (1, 1))
    inputs = torch.randn(4, 6)
    for row, frame in zip(network(inputs).tolist(), inputs.tolist(), strict=True):
        assert row == pytest.approx(slow_forward(frame, transform, activation), abs=1e-5)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "text"])
def test_older_files_have_no_end_of_component(tmp_path: Path, binary: bool) -> None:
    found = read_nnet1(write(tmp_path / "old.nnet", binary, ends=False))
    assert [w.tolist() for w in found.weights] == [w.tolist() for w in WEIGHTS]
    assert found.offsets == [-1, 0, 1]


@pytest.mark.parametrize(
    ("hidden", "activation", "context", "said"),
    [
        ((5, 7), "sigmoid", (1, 1), r"hidden\.1\.weight is \[4, 5\] in .* and \[7, 5\] in the network"),
        ((5,), "sigmoid", (1, 1), "has sigmoid/sigmoid activations and network sigmoid"),
        ((5, 4), "relu", (1, 1), "has sigmoid/sigmoid activations and network relu/relu"),
        ((5, 4), "sigmoid", (2, 0), r"splices frames \[-1, 0, 1\] and the network -2 to 0"),
    ],
)
def test_another_shape_is_refused(
    tmp_path: Path, hidden: tuple[int, ...], activation: str, context: tuple[int, int], said: str
) -> None:
    path = write(tmp_path / "final.nnet", binary=True)
    with pytest.raises(UserError, match=said):
        start_from(path, FeedForward(6, hidden, 3, activation), context)


def test_a_shortened_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "final.nnet", binary=True)
    data = path.read_bytes()
    for length in range(40, len(data) - 8, 23):
        path.write_bytes(data[:length])
        with pytest.raises(UserError, match=r"final\.nnet"):
            read_nnet1(path)


def test_other_components_are_named(tmp_path: Path) -> None:
    path = tmp_path / "conv.nnet"
    path.write_text("<Nnet> <ConvolutionalComponent> 3 4 </Nnet>")
    with pytest.raises(UserError, match=r"cannot use the component '<ConvolutionalComponent>'.*<AffineTransform>"):
        read_nnet1(path)
    path.write_text("<Nnet> ")
    with pytest.raises(UserError, match="found no </Nnet>"):
        read_nnet1(path)
    path.write_text("<Nnet> <Softmax> 3 3 </Nnet>")
    with pytest.raises(UserError, match="holds 0 affine maps"):
        read_nnet1(path)


AFFINE = "<AffineTransform> 2 2 <LearnRateCoef> 1 [\n 1 2\n 3 4 ]\n [ 5 6 ]\n"
RELU = "<ParametricRelu> 2 2 <AlphaLearnRateCoef> 0 [ 1 1 ]\n [ 0 0 ]\n"


@pytest.mark.parametrize(
    ("components", "said"),
    [
        ("<Rescale> 2 2 [ 1 2 ] <Splice> 4 2 [ 0 1 ]", "<Splice> follows <Rescale>, but .* only be used in the order"),
        ("<Splice> 2 2 [ 0 ] <Splice> 4 2 [ 0 1 ]", "<Splice> follows <Splice>"),
        ("<Sigmoid> 2 2 " + AFFINE + AFFINE, "<Sigmoid> follows nothing"),
        (AFFINE + AFFINE + "<Sigmoid> 2 2 ", "<AffineTransform> follows <AffineTransform>"),
        ("<Softmax> 2 2 " + AFFINE, "<AffineTransform> follows <Softmax>"),
        (AFFINE + RELU + "<AddShift> 2 2 [ 1 1 ] " + AFFINE, "<AddShift> follows <ParametricRelu>"),
        (AFFINE + RELU + "<Sigmoid> 2 2 " + AFFINE, "<Sigmoid> follows <ParametricRelu>"),
        (AFFINE + "<Sigmoid> 3 3 " + AFFINE, "<Sigmoid> with 3 inputs follows a <AffineTransform> with 2 outputs"),
        (AFFINE + "<Sigmoid> 3 2 " + AFFINE, "a <Sigmoid> cannot have 2 inputs and 3 outputs"),
        ("<Splice> 6 2 [ 0 1 ] ", "a <Splice> 6 2 holds 2 offsets"),
        (AFFINE + RELU.replace("Alpha", "Gamma") + AFFINE, "expected <AlphaLearnRateCoef> or .*<GammaLearnRateCoef>"),
        (AFFINE.replace("<Learn", "<AlphaLearn") + RELU, "expected <LearnRateCoef> or .*<AlphaLearnRateCoef>"),
    ],
)
def test_components_that_mean_something_else_are_refused(tmp_path: Path, components: str, said: str) -> None:
    """All of them have as many affine maps and activations as a network that is read."""
    path = tmp_path / "odd.nnet"
    path.write_text(f"<Nnet> {components}</Nnet>")
    with pytest.raises(UserError, match=said):
        read_nnet1(path)


def test_kaldi_ignores_the_case_of_components(tmp_path: Path) -> None:
    path = tmp_path / "lower.nnet"
    path.write_text(
        f"<affinetransform> 2 2 [\n 1 2\n 3 4 ]\n [ 5 6 ]\n{RELU.lower()}{AFFINE}<softmax> 2 2 ".replace(
            "alphalearnratecoef", "AlphaLearnRateCoef"
        )
    )
    assert is_nnet1(path)
    assert read_nnet1(path).activations == ["relu"]
