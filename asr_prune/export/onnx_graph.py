"""A network as an ONNX graph, built from its weights; nothing is traced."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from asr_prune import __version__
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.network import Network, by_rows
from asr_prune.acoustic.residual import Residual
from asr_prune.acoustic.time_delay import Tdnn, TimeDelay
from asr_prune.errors import UserError
from asr_prune.export.deployed import Deployed, need_nodes

if TYPE_CHECKING:
    import onnx

#: the oldest that has every operator used here, so that runtimes since the end of 2020 read it
OPSET, IR_VERSION = 13, 7
INPUT, LOGITS, LOGLIKES = "features", "logits", "loglikes"
#: the entry of metadata_props that is ours
METADATA = "asr_prune"
OPERATORS = {"relu": "Relu", "sigmoid": "Sigmoid"}
HOW = (
    f"{INPUT} float32 [frames, dim] of one whole utterance, neither spliced nor scaled; the graph repeats the first "
    "and last frame beyond the edges, splices context[0] frames before and context[1] after each, subtracts a mean and "
    "multiplies by an inverse deviation. For a stretch of a longer utterance give context[0] more frames before it and "
    "context[1] after, and drop those rows of the outputs."
)
GIVES = (
    f"{LOGITS} float32 [frames, pdfs] before the softmax; {LOGLIKES} float32 [frames, pdfs]: log-softmax less "
    "log_priors, log p(frame | pdf) up to a constant, unscaled, as a decoder of Kaldi's wants them. With CTC, tokens "
    "stand in the place of pdfs, the blank first. Of stride frames, one comes out."
)


def onnx_model(deployed: Deployed) -> onnx.ModelProto:
    """The network with splicing, input normalisation and priors inside.

    Input and outputs are as `HOW` and `GIVES` say: whole utterances of unspliced frames, because that is what a front
    end has and what keeps the edges exact. metadata_props holds under `METADATA`, as JSON, `Deployed.card` with
    input_form and output_form. Raises UserError for a network of an unknown type or with a layer that passes nothing
    on. Needs the package onnx.
    """
    from onnx import TensorProto, checker, helper

    graph = _Graph()
    logits = _layers(graph, deployed.model.network, _normalised(graph, deployed))
    graph.add("Identity", logits, gives=LOGITS)
    graph.add("Sub", graph.add("LogSoftmax", LOGITS, axis=1), graph.weight(deployed.model.priors), gives=LOGLIKES)
    sizes = {INPUT: deployed.dim, LOGITS: deployed.model.network.outputs, LOGLIKES: deployed.model.network.outputs}
    ends = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["frames", n]) for name, n in sizes.items()}
    body = helper.make_graph(graph.nodes, "acoustic", [ends[INPUT]], [ends[LOGITS], ends[LOGLIKES]], graph.weights)
    model = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="asr_prune",
        producer_version=__version__,
        doc_string=f"{HOW} {GIVES}",
    )
    told = deployed.card() | {"input_form": HOW, "output_form": GIVES}
    helper.set_model_props(model, {METADATA: json.dumps(told)})
    checker.check_model(model)
    return model


class _Graph:
    """Nodes and weights so far; each method returns the name of what it added gives."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, operator: str, *inputs: str, gives: str = "", **attributes: Any) -> str:
        from onnx import helper

        gives = gives or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [gives], name=gives, **attributes))
        return gives

    def weight(self, values: Tensor | np.ndarray | int | list[int]) -> str:
        """A constant: tensors float32, whole numbers int64."""
        from onnx import numpy_helper

        name = f"weight_{len(self.weights)}"
        array = values.detach().float().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values, np.int64)
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def affine(self, layer: nn.Linear, x: str) -> str:
        biases = [] if layer.bias is None else [self.weight(layer.bias)]
        return self.add("Gemm", x, self.weight(by_rows(layer.weight)), *biases, transB=1)

    def heard(self, x: str, columns: int, taps: Sequence[int], stride: int = 1) -> str:
        """For every `stride`-th frame of `x` [frames, columns] those at `taps` from it, side by side; the first and
        last frame are repeated beyond the edges.
        """
        count = self.add("Gather", self.add("Shape", x), self.weight(0))
        one, zero = self.weight(1), self.weight(0)
        frames = self.add("Unsqueeze", self.add("Range", zero, count, self.weight(stride)), self.weight([1]))
        rows = self.add("Add", frames, self.weight(list(taps)))
        rows = self.add("Clip", rows, zero, self.add("Sub", count, one))
        around = self.add("Gather", x, rows, axis=0)
        return self.add("Reshape", around, self.weight([0, columns * len(taps)]))


def _normalised(graph: _Graph, deployed: Deployed) -> str:
    """The spliced, normalised frames: `splice_utterance` and `Network.normalise`."""
    (left, right), network = deployed.model.context, deployed.model.network
    spliced = graph.heard(INPUT, deployed.dim, range(-left, right + 1))
    return graph.add("Mul", graph.add("Sub", spliced, graph.weight(network.shift)), graph.weight(network.scale))


def _layers(graph: _Graph, network: Network, x: str) -> str:
    """The network's own `forward`, after its normalisation."""
    act = OPERATORS[network.activation]
    if isinstance(network, FeedForward):
        need_nodes(network)
        for layer in network.affine[:-1]:
            x = graph.add(act, graph.affine(layer, x))
        return graph.affine(network.output, x)
    if isinstance(network, Tdnn):
        need_nodes(network)
        for delay in network.delays:
            x = graph.add(act, graph.affine(delay, _delayed(graph, delay, x)))
        return graph.affine(network.output, x)
    if isinstance(network, Residual):
        h = graph.affine(network.input, x)
        for incoming, outgoing in network.pairs:
            if incoming.out_features:
                h = graph.add("Add", h, graph.affine(outgoing, graph.add(act, graph.affine(incoming, h))))
        return graph.affine(network.output, h)
    raise UserError(
        f"a network of type {network.shape()['type']} cannot be exported to ONNX; train one of type feed_forward, "
        "residual or tdnn."
    )


def _delayed(graph: _Graph, layer: TimeDelay, x: str) -> str:
    """What a time-delay layer is a map of."""
    return graph.heard(x, layer.in_features, layer.taps, layer.stride)
