"""Our networks as Kaldi's nnet3: components, and the graph that joins them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import mul

import kaldi_hmm_gmm as khg
import numpy as np
import torch
from torch import Tensor, nn

from asr_prune.acoustic.checkpoint import Model
from asr_prune.acoustic.factored import TdnnF
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.residual import Residual
from asr_prune.acoustic.time_delay import Tdnn
from asr_prune.errors import UserError
from asr_prune.export.deployed import need_nodes
from asr_prune.hmm.mdl import write_transitions
from asr_prune.kaldi_format import KaldiWriter
from asr_prune.nnet3.components import Component
from asr_prune.nnet3.graph_lines import parse_line
from asr_prune.nnet3.model import Nnet3

#: for training to go on with in Kaldi: the defaults of its configuration files
_RATE = {"LearningRate": np.float32(0.001)}
_NATURAL = {"UpdatePeriod": 4, "NumSamplesHistory": np.float32(2000), "Alpha": np.float32(4)}
_NONLINEAR = {"relu": "RectifiedLinearComponent", "sigmoid": "SigmoidComponent"}


def nnet3_model(model: Model) -> Nnet3:
    """A raw network with the splicing and the input normalisation of `model`.

    Node `input` reads unspliced frames; `output` gives the log-softmax. The normalisation is folded
    into the first map, which reads 0 times the coefficients that `model` does not read. nnet3
    repeats the first and last frame of the input alone, so within a context of the edges outputs of
    time-delay networks differ, whose layers repeat those of each layer. Raises UserError if the
    network has an unknown type or a layer without nodes.
    """
    network, graph = model.network, _Graph()
    left, right = model.context
    dim = network.inputs // (left + 1 + right)
    graph.lines.append(f"input-node name=input dim={dim}")
    offsets = [tap + t for tap in _taps(network)[0] for t in range(-left, right + 1)]
    graph.affine("first", _first_map(network), _spliced("input", offsets))
    _hidden(graph, network)
    graph.component("log_softmax", _of_size("LogSoftmaxComponent", network.outputs), graph.last)
    graph.lines.append("output-node name=output input=log_softmax objective=linear")
    return Nnet3([parse_line(line) for line in graph.lines], graph.components)


def with_transitions(model: Model, transitions: khg.TransitionModel) -> Nnet3:
    """The same as a final.mdl: with the transition model of the labels and the priors.

    A pdf without training frames keeps the prior that `model` has for it.
    """
    made, writer = nnet3_model(model), KaldiWriter(binary=True)
    start = len(writer.data)
    write_transitions(writer, transitions)
    (left, right), (before, after) = model.context, model.network.reach
    made.context = left + before, right + after
    made.transitions = bytes(writer.data[start:])
    made.priors = np.exp(model.priors.numpy().astype(np.float64)).astype(np.float32)
    return made


def _spliced(node: str, offsets: Sequence[int]) -> str:
    """The expression for the frames of a node at `offsets`, joined."""
    frames = [node if t == 0 else f"Offset({node}, {t})" for t in offsets]
    return f"Append({', '.join(frames)})" if len(frames) > 1 else frames[0]


class _Graph:
    """Lines of the graph and components so far; last: the name of the last node."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.components: dict[str, Component] = {}
        self.last = ""

    def component(self, name: str, component: Component, reads: str) -> str:
        self.components[name] = component
        self.lines.append(f"component-node name={name} component={name} input={reads}")
        self.last = name
        return name

    def affine(self, name: str, layers: Sequence[nn.Linear | _Map], reads: str) -> str:
        """One or two maps, the second of a factored one; those with biases are affine."""
        for number, layer in enumerate(layers):
            own = name if number == len(layers) - 1 else f"{name}_rank"
            weight = _array(layer.weight)
            mapping = _mapping(weight.reshape(len(weight), -1), layer.bias)
            reads = self.component(own, mapping, reads)
        return reads

    def activation(self, name: str, activation: str, size: int) -> str:
        return self.component(name, _of_size(_NONLINEAR[activation], size), self.last)


class _Map:
    """A map whose weight and bias were computed; weight: [rows, columns]."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray) -> None:
        self.weight, self.bias = weight, bias


def _first_map(network: Network) -> list[nn.Linear | _Map]:
    """The first map with the normalisation (x - shift) * scale in it, and its second factor."""
    first, *rest = [network.input] if isinstance(network, Residual | TdnnF) else network.factors(0)
    scale, shift = (_array(values).astype(np.float64) for values in (network.scale, network.shift))
    rows = first.out_features
    scaled = _array(first.weight).astype(np.float64).reshape(rows, -1, len(scale)) * scale
    bias = np.zeros(rows) if first.bias is None else _array(first.bias)
    weight = np.zeros((*scaled.shape[:2], network.inputs), np.float32)
    columns = slice(None) if network.selection is None else network.selection.numpy()
    weight[..., columns] = scaled
    bias = (bias - (scaled @ shift).sum(1)).astype(np.float32)
    return [_Map(weight.reshape(rows, -1), bias), *rest]


def _taps(network: Network) -> list[list[int]]:
    """For each map up to the last hidden layer, the frames that it reads, in frames of the input."""
    if not isinstance(network, Tdnn | TdnnF):
        return [[0] for _ in network.maps]
    steps = [1, *accumulate(network.strides, mul)]
    return [[step * tap for tap in taps] for step, taps in zip(steps, network.taps, strict=False)]


def _hidden(graph: _Graph, network: Network) -> None:
    """All after the first map, up to the logits."""
    act = network.activation
    if isinstance(network, FeedForward | Tdnn):
        need_nodes(network.widths)
        taps = [*_taps(network), [0]]
        for number, size in enumerate(network.widths, 1):
            nodes = graph.activation(f"nodes{number}", act, size)
            name = "logits" if number == len(network.hidden) else f"layer{number + 1}"
            graph.affine(name, network.factors(number), _spliced(nodes, taps[number]))
        return
    if isinstance(network, Residual):
        _residual(graph, network)
        return
    if isinstance(network, TdnnF):
        _factored(graph, network)
        return
    raise UserError(
        f"a network of type {network.shape()['type']} cannot be exported to nnet3;"
        " train one of type feed_forward, residual, tdnn or tdnnf."
    )


def _residual(graph: _Graph, network: Residual) -> None:
    """Layers without nodes are left out; h is a no-op, so that each sum is computed once."""
    h = graph.last
    for number, (incoming, outgoing) in enumerate(network.pairs, 1):
        if incoming.out_features:
            graph.affine(f"in{number}", [incoming], h)
            graph.activation(f"nodes{number}", network.activation, incoming.out_features)
            graph.affine(f"out{number}", [outgoing], graph.last)
            added = f"Sum({h}, {graph.last})"
            h = graph.component(f"stream{number}", _of_size("NoOpComponent", network.stream), added)
    graph.affine("logits", network.factors(0), h)


def _factored(graph: _Graph, network: TdnnF) -> None:
    """Batch normalisation and gates are scales and offsets; a layer without bottleneck nodes adds
    its constant.
    """
    need_nodes(network.widths[:1])
    graph.activation("nodes0", network.activation, network.widths[0])
    h = graph.component("norm0", _scaled(*network.scale_and_offset(0)), graph.last)
    step = network.strides[0]
    for number, (first, second) in enumerate(network.pairs, 1):
        scale, offset = network.scale_and_offset(number)
        if not first.out_features:
            constant = network.act(second.bias.detach()) * scale + offset
            kept = torch.full_like(constant, network.bypass)
            h = graph.component(f"stream{number}", _scaled(kept, constant), h)
            step *= first.stride
            continue
        graph.affine(f"bottleneck{number}", [first], _spliced(h, [step * t for t in first.taps]))
        step *= first.stride
        reads = _spliced(graph.last, [step * t for t in second.taps])
        graph.affine(f"layer{number}", [second], reads)
        graph.activation(f"nodes{number}", network.activation, network.widths[0])
        graph.component(f"norm{number}", _scaled(scale, offset), graph.last)
        added = f"Sum(Scale({network.bypass!r}, {h}), {graph.last})"
        h = graph.component(f"stream{number}", _of_size("NoOpComponent", len(scale)), added)
    graph.affine("logits", network.factors(0), h)


def _scaled(scale: Tensor, offset: Tensor) -> Component:
    values = {"Scales": _array(scale), "Offsets": _array(offset)}
    natural = {"UseNaturalGradient": True, "Rank": 20}
    return Component("ScaleAndOffsetComponent", _RATE | {"Dim": len(scale)} | values | natural)


def _array(values: Tensor | np.ndarray) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else values


def _mapping(weight: np.ndarray, bias: Tensor | np.ndarray | None) -> Component:
    if bias is None:
        ranks = {"UseNaturalGradient": True, "RankInOut": (20, 80)}
        history = {"Alpha": np.float32(4), "NumSamplesHistory": np.float32(2000), "UpdatePeriod": 4}
        orthonormal = {"OrthonormalConstraint": np.float32(0)}
        fields = _RATE | {"Params": weight} | orthonormal | ranks | history
        return Component("LinearComponent", fields)
    parts = {"LinearParams": weight, "BiasParams": _array(bias), "RankIn": 20, "RankOut": 80}
    return Component("NaturalGradientAffineComponent", _RATE | parts | _NATURAL)


def _of_size(kind: str, size: int) -> Component:
    """A component without parameters, and without statistics of training."""
    empty, none = np.zeros(0, np.float32), np.float64(0)
    stats = {"ValueAvg": empty, "DerivAvg": empty, "Count": none}
    past = {
        "OderivRms": empty,
        "OderivCount": none,
        "NumDimsSelfRepaired": none,
        "NumDimsProcessed": none,
    }
    others = {"BackpropScale": np.float32(1)} if kind == "NoOpComponent" else stats | past
    return Component(kind, {"Dim": size} | others)
