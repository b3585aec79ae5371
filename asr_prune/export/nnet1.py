"""Export of a feed-forward network to Kaldi's nnet1, as steps/nnet/decode.sh --srcdir reads it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.network import Network
from asr_prune.errors import UserError
from asr_prune.export.deployed import Deployed, need_nodes
from asr_prune.features.options import FeatureOptions
from asr_prune.hmm.frontend import cmvn_opts, write_matrix
from asr_prune.kaldi_format import KaldiWriter

#: total of the counts that stand for the priors; only their ratios matter
_FRAMES = 1_000_000
#: log priors at or above it mark pdfs without training frames
_UNSEEN = 0.0


def write_nnet1(folder: Path, deployed: Deployed) -> None:
    """Writes the network and the description of its features into `folder`.

    Files: final.nnet (text), final.feature_transform (splicing, shift and scale),
    ali_train_pdf.counts (priors), model.json (`Deployed.card`); for the features mfcc.conf or
    fbank.conf, cmvn_opts and delta_opts. For LDA features instead final.mat and splice_opts,
    without cmvn_opts, because they are computed beforehand (steps/nnet/make_fmllr_feats.sh). Raises
    UserError if the network is not feed-forward or has a layer without nodes.
    """
    network, context = feed_forward(deployed.model.network), deployed.model.context
    (folder / "final.nnet").write_bytes(network_text(network))
    (folder / "final.feature_transform").write_bytes(transform_text(network, context))
    (folder / "ali_train_pdf.counts").write_bytes(counts_text(deployed.model.priors.numpy()))
    (folder / "model.json").write_text(json.dumps(deployed.card(), indent=1), encoding="utf-8")
    write_features(folder, deployed)


def feed_forward(network: Network) -> FeedForward:
    """Returns `network`. Raises UserError if nnet1 cannot represent it."""
    if not isinstance(network, FeedForward):
        kind = network.shape()["type"]
        raise UserError(f"nnet1 has feed_forward networks only, not {kind}; export it with --onnx.")
    need_nodes(network.widths)
    return network


class _Components(KaldiWriter):
    """Components in nnet1's text format (Component::Write)."""

    def __init__(self) -> None:
        super().__init__(binary=False)
        self.token("<Nnet>", line=True)

    def begin(self, kind: str, outputs: int, inputs: int, **rates: float) -> None:
        """Writes token and sizes, then the rates that this kind of component has."""
        self.token(kind)
        self.integer(outputs)
        self.integer(inputs)
        self.newline()
        for name, value in rates.items():
            self.token(f"<{name}>")
            self.real(value)

    def end(self) -> None:
        self.token("<!EndOfComponent>", line=True)

    def finished(self) -> bytes:
        self.token("</Nnet>", line=True)
        return bytes(self.data)


def network_text(network: FeedForward) -> bytes:
    """The network as <AffineTransform>s with activations, and <Softmax>; a factored map begins with
    a <LinearTransform>.

    nnet1 has no plain ReLU; it is written as <ParametricRelu> with slopes 1 and 0 and learning
    rates 0.
    """
    out = _Components()
    rates = {"LearnRateCoef": 1, "BiasLearnRateCoef": 1, "MaxNorm": 0}
    relu = {"AlphaLearnRateCoef": 0, "BetaLearnRateCoef": 0}
    for layer in network.affine:
        size = layer.out_features
        if layer.bias is None:
            out.begin("<LinearTransform>", size, layer.in_features, LearnRateCoef=1)
            out.matrix(layer.weight.detach().numpy())
            out.end()
            continue
        out.begin("<AffineTransform>", size, layer.in_features, **rates)
        out.matrix(layer.weight.detach().numpy())
        out.vector(layer.bias.detach().numpy())
        out.end()
        if layer is network.affine[-1]:
            out.begin("<Softmax>", size, size)
        elif network.activation == "sigmoid":
            out.begin("<Sigmoid>", size, size)
        else:
            out.begin("<ParametricRelu>", size, size, **relu)
            out.vector(np.ones(size, np.float32))
            out.vector(np.zeros(size, np.float32))
        out.end()
    return out.finished()


def transform_text(network: FeedForward, context: tuple[int, int]) -> bytes:
    """<Splice>, then <Copy> if the network reads only some coefficients, counted from 1, then the
    input normalisation: <AddShift>, <Rescale>.
    """
    out, size = _Components(), network.inputs
    out.begin("<Splice>", size, size // (1 + sum(context)))
    out.ints(list(range(-context[0], context[1] + 1)))
    out.end()
    if network.selection is not None:
        out.begin("<Copy>", len(network.selection), size)
        out.ints((network.selection + 1).tolist())
        out.end()
        size = len(network.selection)
    for kind, values in (("<AddShift>", -network.shift), ("<Rescale>", network.scale)):
        out.begin(kind, size, size, LearnRateCoef=0)
        out.vector(values.numpy())
        out.end()
    return out.finished()


def counts_text(log_priors: np.ndarray) -> bytes:
    """Frames of each pdf per million, as analyze-counts writes them; 0 for a pdf without frames."""
    counts = np.where(log_priors < _UNSEEN, np.exp(log_priors.astype(np.float64)) * _FRAMES, 0)
    return f" [ {' '.join(f'{count:.9g}' for count in counts)} ]\n".encode()


def write_features(folder: Path, deployed: Deployed) -> None:
    """Writes how Kaldi computes what the network reads: mfcc.conf or fbank.conf, cmvn_opts and
    delta_opts, or of LDA features final.mat and splice_opts.
    """
    base, front = deployed.base, deployed.front
    if not base.archives and base.type != "online":
        (folder / f"{base.type}.conf").write_text(conf_text(base))
    if front is not None and front.matrix is not None:
        write_matrix(folder / "final.mat", front.matrix)
        context = f"--left-context={front.left} --right-context={front.right}\n"
        (folder / "splice_opts").write_text(context)
        return
    if base.normalised:
        (folder / "cmvn_opts").write_text(cmvn_opts(True, base.cmvn_variance) + "\n")
    if deployed.deltas:
        (folder / "delta_opts").write_text(f"--delta-order={deployed.deltas}\n")


def conf_text(base: FeatureOptions) -> str:
    """Options of compute-mfcc-feats or compute-fbank-feats, one per line."""
    options = {
        "sample-frequency": base.rate,
        "frame-length": base.frame_length_ms,
        "frame-shift": base.frame_shift_ms,
        "dither": base.dither,
        "num-mel-bins": base.bins,
        "low-freq": base.low_freq,
        "high-freq": base.high_freq,
        "use-energy": str(base.use_energy).lower(),
    }
    options |= {"num-ceps": base.ceps} if base.type == "mfcc" else {}
    return "".join(f"--{name}={value}\n" for name, value in options.items())
