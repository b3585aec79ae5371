"""A decoding graph that Kaldi's mkgraph.sh made, put where the stages look for ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.graph import GraphSize, write_graph
from asr_prune.errors import UserError
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.model import HmmModel
from asr_prune.lang.symbols import read_symbols

HCLG, WORDS, PDFS = "HCLG.fst", "words.txt", "num_pdfs"


def take_graph(source: Path, hmm: Path, out: Path) -> GraphSize:
    """Writes the graph folder `out`, as `make_graph` does, from Kaldi's graph directory `source`: HCLG.fst (`const` or
    `vector`), words.txt and, where it is there, num_pdfs.

    hmm: folder with the final.mdl whose transition-ids HCLG reads. Raises UserError where a file is missing or
    damaged, or graph, words and model do not belong together.
    """
    if not source.is_dir():
        raise UserError(f"decode.graph: there is no folder {source}; name a graph directory that mkgraph.sh made.")
    model, words = HmmModel.load(hmm), read_symbols(source / WORDS)
    hclg, pdfs = _read(source / HCLG), id_to_pdf(model.transitions)
    highest, last = int(hclg.arcs["ilabel"].max(initial=0)), int(hclg.arcs["olabel"].max(initial=0))
    stated = (source / PDFS).read_text().strip() if (source / PDFS).is_file() else str(model.gmms.num_pdfs)
    if highest >= len(pdfs) or stated != str(model.gmms.num_pdfs):
        told = f"{stated} pdfs and transition-ids up to {highest}"
        own = f"{hmm}/final.mdl has {model.gmms.num_pdfs} and {len(pdfs) - 1}"
        raise UserError(f"{source} is of another model: it has {told}, {own}; make the graph with that final.mdl.")
    if last > max(words.values(), default=0):
        raise UserError(
            f"{source}: HCLG.fst holds word {last}, which words.txt lacks; copy the words.txt made with it."
        )
    return write_graph(out, hclg, source / WORDS, model, _disambig(source), {})


def _read(path: Path) -> FstArrays:
    try:
        with open(path, "rb") as file:
            hclg = FstArrays.read(file)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; decode.graph takes a graph directory.") from error
    except ValueError as error:
        raise UserError(f"{path} cannot be used: {error}; copy it again or make it with mkgraph.sh.") from error
    if hclg.start < 0 or hclg.finals.ndim != 1:
        raise UserError(f"{path} holds no path; make it again with mkgraph.sh.")
    return hclg


def _disambig(source: Path) -> list[int]:
    path = source / "disambig_tid.int"
    return np.loadtxt(path, np.int32, ndmin=1).tolist() if path.is_file() else []
