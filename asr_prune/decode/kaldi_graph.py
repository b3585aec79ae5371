"""Import of a decoding graph from Kaldi's mkgraph.sh."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from asr_prune.decode.acyclic import check_epsilons
from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.graph import GraphSize, write_graph
from asr_prune.errors import UserError
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.model import HmmModel
from asr_prune.integrity import checked
from asr_prune.lang.symbols import read_symbols
from asr_prune.text import file_lines, trimmed

_HCLG, _WORDS, _PDFS = "HCLG.fst", "words.txt", "num_pdfs"


def take_graph(source: Path, hmm: Path, out: Path) -> GraphSize:
    """Writes the graph folder `out`, as `make_graph` does, from Kaldi's graph directory `source`.

    source: with HCLG.fst (`const` or `vector`), words.txt and optionally num_pdfs; hmm: folder of
    the final.mdl whose transition-ids HCLG reads. Raises UserError if a file is missing or damaged,
    or graph, words and model are inconsistent.
    """
    if not source.is_dir():
        raise UserError(f"decode.graph: {source} is no folder; give a directory of mkgraph.sh.")
    model, words = HmmModel.load(hmm), read_symbols(source / _WORDS)
    hclg = _read(source / _HCLG)
    _check_model(source, hmm, hclg, model)
    last = int(hclg.arcs["olabel"].max(initial=0))
    if last > max(words.values(), default=0):
        raise UserError(f"{source}: words.txt lacks word {last} of HCLG.fst; copy both again.")
    return write_graph(out, hclg, source / _WORDS, model, _disambig(source), {})


def _check_model(source: Path, hmm: Path, hclg: FstArrays, model: HmmModel) -> None:
    pdfs, ids = str(model.gmms.num_pdfs), len(id_to_pdf(model.transitions)) - 1
    highest = int(hclg.arcs["ilabel"].max(initial=0))
    stated = trimmed("".join(file_lines(source / _PDFS))) if (source / _PDFS).is_file() else pdfs
    if highest > ids or stated != pdfs:
        raise UserError(
            f"{source} is of another model: it has {stated} pdfs and transition-ids up to {highest},"
            f" {hmm}/final.mdl has {pdfs} and {ids}; make the graph with that final.mdl."
        )


def _read(path: Path) -> FstArrays:
    try:
        with open(checked(path), "rb") as file:
            hclg = FstArrays.read(io.BytesIO(file.read()))
        check_epsilons(hclg)
    except OSError as error:
        reason = f"{error.strerror}; decode.graph needs a graph directory"
        raise UserError(f"cannot read {path}: {reason}.") from error
    except ValueError as error:
        fix = "copy it again or make it with mkgraph.sh"
        raise UserError(f"{path} cannot be used: {error}; {fix}.") from error
    if hclg.start < 0 or hclg.finals.ndim != 1:
        raise UserError(f"{path} has no path; make it again with mkgraph.sh.")
    return hclg


def _disambig(source: Path) -> list[int]:
    path = source / "disambig_tid.int"
    return np.loadtxt(checked(path), np.int32, ndmin=1).tolist() if path.is_file() else []
