"""A network as an ONNX graph, built from its weights without tracing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from asr_prune import __version__
from asr_prune.acoustic.factored import TdnnF
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.node_layer import by_rows
from asr_prune.acoustic.residual import Residual
from asr_prune.acoustic.time_delay import Tdnn, TimeDelay
from asr_prune.errors import UserError
from asr_prune.export.deployed import Deployed, need_nodes

if TYPE_CHECKING:
    import onnx

#: the oldest with every operator used here, read by runtimes since the end of 2020
OPSET, IR_VERSION = 13, 7
INPUT, LOGITS, LOGLIKES = "features", "logits", "loglikes"
#: key of the project's entry in metadata_props
METADATA = "asr_prune"
_OPERATORS = {"relu": "Relu", "sigmoid": "Sigmoid"}
_INPUT_FORM = (
    f"{INPUT} float32 [frames, dim] of one whole utterance, neither spliced nor scaled. The graph"
    " repeats the first and last frame beyond the edges, splices context[0] frames before and"
    " context[1] after each, takes of that only the columns of network if it has any, subtracts a"
    " mean and multiplies by an inverse deviation. For part of a longer utterance, which begins at a"
    " multiple of stride, add context[0] + reach[0] frames before it, rounded up to a multiple of"
    " stride, and context[1] + reach[1] after it, and drop their rows of the outputs."
)
_OUTPUT_FORM = (
    f"{LOGITS} float32 [frames, pdfs] before the softmax; {LOGLIKES} float32 [frames, pdfs]:"
    " log-softmax minus log_priors, log p(frame | pdf) up to a constant, unscaled, as Kaldi's"
    " decoders need them. With CTC the columns are tokens, the blank first. There is one output"
    " frame per stride input frames."
)
_PRODUCER = {
    "producer_name": "asr_prune",
    "producer_version": __version__,
    "doc_string": f"{_INPUT_FORM} {_OUTPUT_FORM}",
}


def onnx_model(deployed: Deployed) -> onnx.ModelProto:
    """The network with splicing, input normalisation and priors included.

    Its input is a whole utterance of unspliced frames, which keeps the edges exact. metadata_props
    has, under `METADATA`, the JSON of `Deployed.card` with input_form and output_form. Raises
    UserError if the network has an unknown type or a layer without nodes. Needs the package onnx.
    """
    from onnx import checker, helper

    model = helper.make_model(
        _body(deployed),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        **_PRODUCER,
    )
    metadata = deployed.card() | {"input_form": _INPUT_FORM, "output_form": _OUTPUT_FORM}
    helper.set_model_props(model, {METADATA: json.dumps(metadata)})
    checker.check_model(model)
    return model


def _body(deployed: Deployed) -> onnx.GraphProto:
    from onnx import TensorProto, helper

    graph, network = Graph(), deployed.model.network
    logits = logits_of(graph, network, normalised(graph, deployed, INPUT))
    graph.add("Identity", logits, output=LOGITS)
    posteriors = graph.add("LogSoftmax", LOGITS, axis=1)
    graph.add("Sub", posteriors, graph.weight(deployed.model.priors), output=LOGLIKES)
    sizes = {INPUT: deployed.dim, LOGITS: network.outputs, LOGLIKES: network.outputs}
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["frames", size])  # 2-dimensional
        for name, size in sizes.items()
    ]
    return helper.make_graph(graph.nodes, "acoustic", ends[:1], ends[1:], graph.weights)


class Graph:
    """Nodes and weights so far; each method returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def weight(self, values: Tensor | np.ndarray | int | list[int]) -> str:
        """A constant: tensors as float32, integers as int64."""
        from onnx import numpy_helper

        name = f"weight_{len(self.weights)}"
        tensor = values.detach().float() if isinstance(values, Tensor) else torch.as_tensor(values)
        array = np.ascontiguousarray(tensor.cpu().numpy())
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def affine(self, layer: nn.Linear, x: str) -> str:
        biases = [] if layer.bias is None else [self.weight(layer.bias)]
        return self.add("Gemm", x, self.weight(by_rows(layer.weight)), *biases, transB=1)

    def spliced(self, x: str, columns: int, offsets: Sequence[int], stride: int = 1) -> str:
        """The frames at `offsets` from every `stride`-th frame of `x` [frames, columns], joined.

        The first and last frame are repeated beyond the edges.
        """
        count = self.add("Gather", self.add("Shape", x), self.weight(0))
        one, zero = self.weight(1), self.weight(0)
        centres = self.add("Range", zero, count, self.weight(stride))
        frames = self.add("Unsqueeze", centres, self.weight([1]))
        rows = self.add("Add", frames, self.weight(list(offsets)))
        rows = self.add("Clip", rows, zero, self.add("Sub", count, one))
        around = self.add("Gather", x, rows, axis=0)
        return self.add("Reshape", around, self.weight([0, columns * len(offsets)]))


def normalised(graph: Graph, deployed: Deployed, frames: str) -> str:
    """`frames` spliced and normalised: `splice_utterance` and `Network.normalise`."""
    (left, right), network = deployed.model.context, deployed.model.network
    spliced = graph.spliced(frames, deployed.dim, range(-left, right + 1))
    if network.selection is not None:
        spliced = graph.add("Gather", spliced, graph.weight(network.selection.tolist()), axis=1)
    centred = graph.add("Sub", spliced, graph.weight(network.shift))
    return graph.add("Mul", centred, graph.weight(network.scale))


def logits_of(graph: Graph, network: Network, x: str) -> str:
    """The network's `forward`, after its normalisation. Raises UserError as `onnx_model`."""
    act = _OPERATORS[network.activation]
    if isinstance(network, FeedForward):
        need_nodes(network.widths)
        for number in range(len(network.hidden)):
            x = graph.add(act, _mapped(graph, network, number, x))
        return _mapped(graph, network, len(network.hidden), x)
    if isinstance(network, Tdnn):
        need_nodes(network.widths)
        for number, delay in enumerate(network.delays):
            x = graph.add(act, _mapped(graph, network, number, _delayed(graph, delay, x)))
        return _mapped(graph, network, len(network.delays), x)
    if isinstance(network, Residual):
        h = graph.affine(network.input, x)
        for incoming, outgoing in network.pairs:
            if incoming.out_features:
                nodes = graph.add(act, graph.affine(incoming, h))
                h = graph.add("Add", h, graph.affine(outgoing, nodes))
        return _mapped(graph, network, 0, h)
    if isinstance(network, TdnnF):
        return _mapped(graph, network, 0, _factored(graph, network, act, x))
    raise UserError(
        f"a network of type {network.shape()['type']} cannot be exported to ONNX;"
        " train one of type feed_forward, residual, tdnn or tdnnf."
    )


def _factored(graph: Graph, network: TdnnF, act: str, x: str) -> str:
    """What the output layer of a factored network reads."""
    need_nodes(network.widths[:1])

    def added(layer: int, y: str) -> str:
        scale, offset = network.scale_and_offset(layer)
        return graph.add("Add", graph.add("Mul", graph.add(act, y), graph.weight(scale)), graph.weight(offset))

    h = added(0, graph.affine(network.input, _delayed(graph, network.input, x)))
    for i, (first, second) in enumerate(network.pairs, 1):
        kept = h if first.stride == 1 else graph.spliced(h, first.in_features, (0,), first.stride)
        y = graph.weight(second.bias[None])
        if first.out_features:
            bottleneck = graph.affine(first, _delayed(graph, first, h))
            y = graph.affine(second, _delayed(graph, second, bottleneck))
        h = graph.add("Add", graph.add("Mul", kept, graph.weight(torch.tensor(network.bypass))), added(i, y))
    return h


def _mapped(graph: Graph, network: Network, number: int, x: str) -> str:
    for factor in network.factors(number):
        x = graph.affine(factor, x)
    return x


def _delayed(graph: Graph, layer: TimeDelay, x: str) -> str:
    """The input of a time-delay layer's affine map."""
    return graph.spliced(x, layer.in_features, layer.taps, layer.stride)
