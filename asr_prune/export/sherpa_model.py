"""A CTC network as the ONNX file that sherpa-onnx runs on phones, in browsers and on servers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from asr_prune.errors import UserError
from asr_prune.export.deployed import Deployed
from asr_prune.export.onnx_graph import IR_VERSION, METADATA, OPSET, Graph, logits_of, normalised
from asr_prune.features.options import FeatureOptions, NetworkFeatureOptions

if TYPE_CHECKING:
    import onnx

#: sherpa-onnx's kind of CTC model whose filterbank is Kaldi's: samples in int16 range, whole
#: windows only, no dither, the top filter at half the rate. Its others end 400 Hz below that, pad
#: the edges, or add noise.
MODEL_TYPE = "fire-red-asr-2-ctc"
BATCH, LENGTHS, LOG_PROBS, OUTPUT_LENGTHS = "features", "lengths", "log_probs", "log_probs_lengths"
#: what sherpa-onnx's filterbank fixes, beside its type and normalisation
_FIXED = (
    "frame_length_ms",
    "frame_shift_ms",
    "dither",
    "low_freq",
    "high_freq",
    "use_energy",
    "deltas",
)


def check_features(options: FeatureOptions) -> None:
    """Raises UserError if sherpa-onnx does not compute these features."""
    kind = NetworkFeatureOptions()
    fixed = {name: getattr(kind, name) for name in _FIXED}
    wanted = {"archives": "", "type": "fbank", "cmvn": "global"} | fixed
    for name, value in wanted.items():
        fits = not options.normalised if name == "cmvn" else getattr(options, name) == value
        if not fits:
            found = str(getattr(options, name)).lower()
            raise UserError(
                f"sherpa-onnx computes features with {name}: {str(value).lower() or '(empty)'}, and"
                f" this run reads {found}; change it in features.network and train again."
            )


def sherpa_model(deployed: Deployed, lm_weight: float = 1.0) -> onnx.ModelProto:
    """The network with splicing and input normalisation, for batches of utterances.

    Inputs: `features` float32 [utterances, frames, bins], padded at the end, and `lengths` int64
    [utterances]; outputs: `log_probs` float32 [utterances, frames out, tokens], the log-softmax
    divided by `lm_weight`, and their lengths. As within the network, the first and the last frame
    of each utterance are repeated beyond its edges. metadata_props: what sherpa-onnx reads, and
    `Deployed.card`. Raises UserError as `onnx_model`, and for features that sherpa-onnx does not
    compute. Needs the package onnx.
    """
    from onnx import checker, helper

    check_features(deployed.base)
    form = {"opset_imports": [helper.make_opsetid("", OPSET)], "ir_version": IR_VERSION}
    model = helper.make_model(_body(deployed, lm_weight), **form)
    helper.set_model_props(model, _metadata(deployed))
    checker.check_model(model)
    return model


def _metadata(deployed: Deployed) -> dict[str, str]:
    """cmvn_mean and cmvn_inv_stddev change nothing: the network normalises spliced features."""
    return {
        "model_type": MODEL_TYPE,
        "subsampling_factor": str(deployed.model.network.stride),
        "cmvn_mean": _listed(np.zeros(deployed.dim)),
        "cmvn_inv_stddev": _listed(np.ones(deployed.dim)),
        METADATA: json.dumps(deployed.card()),
    }


def _listed(values: np.ndarray) -> str:
    return ",".join(f"{value:g}" for value in values)


def _body(deployed: Deployed, lm_weight: float) -> onnx.GraphProto:
    from onnx import TensorProto, helper

    network, graph = deployed.model.network, _BatchGraph()
    frames = graph.add("Reshape", BATCH, graph.weight([-1, deployed.dim]))
    logits = logits_of(graph, network, normalised(graph, deployed, frames))
    posteriors = graph.add("LogSoftmax", logits, axis=1)
    scaled = graph.add("Mul", posteriors, graph.weight(torch.tensor(1 / lm_weight)))
    utterances = graph.add("Shape", LENGTHS)
    shape = graph.add("Concat", utterances, graph.weight([-1, network.outputs]), axis=0)
    graph.add("Reshape", scaled, shape, output=LOG_PROBS)
    graph.add("Identity", graph.lengths, output=OUTPUT_LENGTHS)
    makes, real, whole = helper.make_tensor_value_info, TensorProto.FLOAT, TensorProto.INT64
    inputs = [makes(BATCH, real, ["N", "T", deployed.dim]), makes(LENGTHS, whole, ["N"])]
    outputs = [
        makes(LOG_PROBS, real, ["N", "T_out", network.outputs]),
        makes(OUTPUT_LENGTHS, whole, ["N"]),
    ]
    return helper.make_graph(graph.nodes, "acoustic", inputs, outputs, graph.weights)


class _BatchGraph(Graph):
    """A graph whose frames are those of several utterances, [utterances * frames, columns].

    lengths: frames of each, without padding, int64 [utterances]; frames: with padding, int64; both
    of what was spliced last. before: the two of each output that was spliced, as several maps with
    a stride may read the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lengths = LENGTHS
        self.frames = self.add("Gather", self.add("Shape", BATCH), self.weight(1))
        self.before: dict[str, tuple[str, str]] = {}

    def spliced(self, x: str, columns: int, offsets: Sequence[int], stride: int = 1) -> str:
        """As `Graph.spliced`, within each utterance."""
        self.lengths, self.frames = self.before.setdefault(x, (self.lengths, self.frames))
        rows = self._from_starts(self._within(offsets, stride))
        around = self.add("Gather", x, rows, axis=0)
        if stride > 1:
            self._shorten(stride)
        return self.add("Reshape", around, self.weight([-1, columns * len(offsets)]))

    def _within(self, offsets: Sequence[int], stride: int) -> str:
        """The frames that are read, counted from the start of each utterance, int64 [utterances,
        frames out, offsets].
        """
        centres = self.add("Range", self.weight(0), self.frames, self.weight(stride))
        centres = self.add("Unsqueeze", centres, self.weight([1]))
        rows = self.add("Add", centres, self.weight(list(offsets)))
        last = self.add("Sub", self._each_utterance(self.lengths), self.weight(1))
        return self.add("Min", self.add("Max", rows, self.weight(0)), last)

    def _from_starts(self, rows: str) -> str:
        """The same, counted from the start of the batch."""
        count = self.add("Gather", self.add("Shape", LENGTHS), self.weight(0))
        numbers = self.add("Range", self.weight(0), count, self.weight(1))
        starts = self.add("Mul", self._each_utterance(numbers), self.frames)
        return self.add("Add", rows, starts)

    def _each_utterance(self, values: str) -> str:
        """[utterances] as [utterances, 1, 1]."""
        return self.add("Unsqueeze", values, self.weight([1, 2]))

    def _shorten(self, stride: int) -> None:
        """Of `stride` frames one is left."""
        up, by = self.weight(stride - 1), self.weight(stride)
        self.lengths, self.frames = (
            self.add("Div", self.add("Add", count, up), by) for count in (self.lengths, self.frames)
        )
