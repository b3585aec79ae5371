"""A run as the folder of a Kaldi nnet3 system, and as a model directory of Vosk."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.options import DecodeOptions, Point
from asr_prune.errors import UserError
from asr_prune.export.deployed import Deployed
from asr_prune.export.nnet1 import conf_text, write_features
from asr_prune.export.nnet3_model import nnet3_model, with_transitions
from asr_prune.export.places import export_dir, take_over
from asr_prune.export.scored import scored_point
from asr_prune.export.trained_run import TrainedRun
from asr_prune.hmm.mdl import read_mdl
from asr_prune.lang.fst import read_fst_parts
from asr_prune.lang.lang import Lang
from asr_prune.nnet3.model import write_nnet3

log = logging.getLogger(__name__)

#: by which Vosk scales the graph of the lattice before it takes words (Recognizer::GetResult)
_GRAPH_SCALE = 0.9


def export_nnet3(trained: TrainedRun, out: Path) -> None:
    """Writes `out`, whole or not at all: final.mdl, final.raw, tree, and how features are computed.

    As steps/nnet3 leaves it, for nnet3-latgen-faster; model.json is `Deployed.card`. Without an HMM
    there is final.raw alone, with a warning. Raises UserError as `nnet3_model`, or if `out` is
    something other than an earlier export.
    """
    deployed = trained.deployed()
    with export_dir(out, "nnet3") as partial:
        write_nnet3(partial / "final.raw", nnet3_model(deployed.model), binary=True)
        write_features(partial, deployed)
        (partial / "model.json").write_text(json.dumps(deployed.card(), indent=1), encoding="utf-8")
        if (trained.hmm / "final.mdl").is_file():
            transitions = _transitions(trained, deployed)
            write_nnet3(partial / "final.mdl", with_transitions(deployed.model, transitions))
            take_over(trained.hmm / "tree", partial / "tree", "align")
    if not (out / "final.mdl").is_file():
        log.warning("the labels came without an HMM: there is no final.mdl to decode with")
    log.info("%s: nodes %s, %s", out, _widths(deployed), deployed.card()["input"])


def export_vosk(trained: TrainedRun, out: Path, decoding: Decoding) -> None:
    """Writes `out`, whole or not at all: am/final.mdl, conf/, graph/, as Vosk's models have them.

    The LM weight and the penalty that were chosen on dev are in the acoustic scale and in the
    weights of the graph. Raises UserError if Vosk cannot compute the features, there is no HMM or
    no graph, or the run has not been scored, and as `export_nnet3`.
    """
    deployed = trained.deployed()
    check_vosk_features(deployed)
    transitions, point = _transitions(trained, deployed), scored_point(trained.run)
    with export_dir(out, "vosk") as partial:
        for name in ("am", "conf", "graph/phones"):
            (partial / name).mkdir(parents=True)
        model = with_transitions(deployed.model, transitions)
        write_nnet3(partial / "am/final.mdl", model, binary=True)
        (partial / f"conf/{deployed.base.type}.conf").write_text(conf_text(deployed.base))
        silence = Lang.read(decoding.lang).silence
        conf = model_conf(decoding.options, point, silence, deployed.model.network.stride)
        (partial / "conf/model.conf").write_text(conf, encoding="utf-8")
        _write_graph(partial / "graph", decoding, point)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    log.info("%s: nodes %s, %d bytes", out, _widths(deployed), size)
    log.info("LM weight %g and penalty %g, as chosen on dev, are in it", *point)


def check_vosk_features(deployed: Deployed) -> None:
    """Raises UserError if Vosk cannot compute what the network reads, and for a CTC network."""
    base, key = deployed.base, "features.network"
    if deployed.model.tokens:
        what = "Vosk decodes with an HMM and this run has CTC tokens"
        raise UserError(f"{what}; export it with --sherpa.")
    if deployed.front is not None:
        what = "this run reads the features of the GMM-HMM, which Vosk cannot compute or adapt"
        raise UserError(f"{what}; train it with {key}.type=fbank and {key}.cmvn=global.")
    if base.type == "online":
        what = f"this run reads the features of {base.model}, whose settings --vosk does not copy"
        raise UserError(f"{what}; train it with {key}.type=mfcc or fbank and {key}.cmvn=global.")
    if base.normalised:
        what = f"Vosk cannot normalise features as this run's cmvn: {base.cmvn} does"
        raise UserError(f"{what}; train it with {key}.cmvn=global.")
    if base.deltas:
        raise UserError(f"Vosk adds no deltas to features; train the run with {key}.deltas=0.")
    if base.archives:
        raise UserError(
            f"Vosk computes features from audio and this run reads those of {base.archives};"
            f" train it with {key}.archives empty."
        )


def model_conf(options: DecodeOptions, point: Point, silence: list[int], stride: int = 1) -> str:
    """Vosk's conf/model.conf. stride: feature frames per output frame.

    The acoustic scale is 1 / LM weight. Where that is above the scale of our search, so are all costs,
    and the beam of `options` is wider by as much: it cuts off what that of our search does. The lattice
    beam is as it is, since wide lattices take long to determinise and the best path is in narrow ones.
    """
    wider = max(1.0, 1 / (point[0] * options.acoustic_scale))
    settings = {
        "beam": f"{wider * options.beam:.6g}",
        "lattice-beam": f"{options.lattice_beam:.6g}",
        "max-active": options.max_active,
        "min-active": options.min_active,
        "acoustic-scale": f"{1 / point[0]:.8g}",
        "frame-subsampling-factor": stride,
        "endpoint.silence-phones": ":".join(map(str, silence)),
    }
    return "".join(f"--{name}={value}\n" for name, value in settings.items())


def _transitions(trained: TrainedRun, deployed: Deployed) -> khg.TransitionModel:
    """Of the labels' HMM. Raises UserError if it is missing or has other pdfs."""
    path, pdfs = trained.hmm / "final.mdl", deployed.model.network.outputs
    if not path.is_file():
        what = f"{path} is missing: the labels came without an HMM"
        raise UserError(f"{what}; set hmm.model, then run the align stage.")
    transitions, _ = read_mdl(path)
    if transitions.num_pdfs != pdfs:
        what = f"{path} has {transitions.num_pdfs} pdfs, the network {pdfs} outputs"
        raise UserError(f"{what}; run the align and train stages again.")
    return transitions


def _write_graph(folder: Path, decoding: Decoding, point: Point) -> None:
    if decoding.graph is None:
        raise UserError("there is no decoding graph for this run; run the graph stage.")
    graph = FstArrays(*read_fst_parts(decoding.graph / "HCLG.fst", "graph"))
    penalised = graph.arcs["weight"] + point[1] * (graph.arcs["olabel"] > 0)
    graph.arcs["weight"] = (penalised / _GRAPH_SCALE).astype(np.float32)
    graph.finals = (graph.finals / _GRAPH_SCALE).astype(np.float32)
    (folder / "HCLG.fst").write_bytes(graph.bytes())
    take_over(decoding.graph / "words.txt", folder / "words.txt", "graph")
    boundaries = decoding.lang / "phones/word_boundary.int"
    if boundaries.is_file():
        take_over(boundaries, folder / "phones/word_boundary.int", "lang")


def _widths(deployed: Deployed) -> str:
    return "/".join(map(str, deployed.model.network.widths))
