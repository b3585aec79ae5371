"""Whether network, transition model, priors and graph of a model directory belong together."""

from __future__ import annotations

import io
from pathlib import Path

from asr_prune.decode.arrays import FstArrays
from asr_prune.errors import UserError
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.mdl import read_transitions
from asr_prune.kaldi_format import BINARY, KaldiReader
from asr_prune.nnet3.model import Nnet3
from asr_prune.nnet3.places import check_graph, graph_files


def check_parts(place: Path, path: Path, model: Nnet3, outputs: int, graphs: Path | None) -> None:
    """Raises UserError if the model in `path`, of the directory `place`, has another number of pdfs
    or priors than of outputs, or if the HCLG.fst there, or in the folder `graphs`, is of another
    model, damaged or in parts.
    """
    if len(model.priors) not in (0, outputs):
        raise UserError(
            f"{path} has {len(model.priors)} priors and {outputs} outputs; give the model as Kaldi made it."
        )
    conf = place / "conf/model.conf"
    described = conf.is_file() or (place / "conf/online.conf").is_file()
    if path == place / "am/final.mdl" and not described:
        what = f"{conf} is missing, which says how the model is decoded"
        raise UserError(f"{what}; copy the model again.")
    check_graph(place)
    if not model.transitions and graphs:
        raise UserError(f"{path} has no transition model, which {graphs} needs; give the final.mdl that decodes.")
    if not model.transitions:
        return
    pdfs, ids = _transitions(model, path)
    if pdfs != outputs:
        what = f"its transition model has {pdfs} pdfs, its network {outputs} outputs"
        raise UserError(f"{path}: {what}; give the model as Kaldi made it.")
    for graph in [graphs / "HCLG.fst"] if graphs else graph_files(place)[:1]:
        if graph.name == "HCLG.fst" and graph.is_file() and (highest := _highest(graph)) > ids:
            what = f"reads transition-ids up to {highest}, and {path} has {ids}"
            raise UserError(f"{graph} is of another model: it {what}; copy the model again.")


def _transitions(model: Nnet3, path: Path) -> tuple[int, int]:
    """Numbers of pdfs and of transition-ids."""
    reader = KaldiReader((BINARY if model.binary else b"") + model.transitions, path)
    pdfs = id_to_pdf(read_transitions(reader))
    return int(pdfs[1:].max()) + 1, len(pdfs) - 1


def _highest(graph: Path) -> int:
    """The highest input label of a graph."""
    try:
        return int(FstArrays.read(io.BytesIO(graph.read_bytes())).arcs["ilabel"].max(initial=0))
    except (OSError, ValueError) as error:
        raise UserError(f"{graph} cannot be used: {error}; copy the model again.") from error
