"""The decoding graph HCLG (Kaldi: mkgraph.sh)."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import kaldi_hmm_gmm as khg
import kaldifst
import numpy as np

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.stochastic import log_sums, push_special
from asr_prune.errors import UserError
from asr_prune.files import atomic_dir
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.model import HmmModel
from asr_prune.integrity import checked
from asr_prune.lang.fst import Fst, read_fst
from asr_prune.lang.lang import Lang
from asr_prune.lang.native import silenced

_SPARE_STATES, _MOST_GROWTH = 100_000, 20


@dataclass(frozen=True)
class GraphSize:
    """Size of HCLG.

    pdfs: outputs of the acoustic model that it needs; sums: `log_sums` of LG, CLG, HCLG before
    self-loops (HCLGa) and HCLG.
    """

    states: int
    arcs: int
    pdfs: int
    sums: dict[str, tuple[float, float]]

    def __str__(self) -> str:
        ranges = (f"{name} {low:.3f} to {high:.3f}" for name, (low, high) in self.sums.items())
        size = f"{self.states} states, {self.arcs} arcs, {self.pdfs} pdfs"
        return f"{size}; -log sums of states: {', '.join(ranges)}"


def make_graph(lang: Path, hmm: Path, out: Path, options: DecodeOptions) -> GraphSize:
    """Writes the graph folder `out`, as Kaldi's mkgraph.sh.

    Files: HCLG.fst (transition-ids to words), words.txt, pdfs.txt (pdf of each transition-id),
    disambig_tid.int (transition-ids of disambiguation symbols), size.json. lang: folder with G.fst;
    hmm: folder of a model (final.mdl, tree). Epsilons are not removed locally, which kaldifst does
    not offer; paths and costs are the same, the graph is slightly larger. Raises UserError if a
    file is missing, a determinisation fails, or the language model allows no word sequence.
    """
    tables, model = Lang.read(lang), HmmModel.load(hmm)
    sums: dict[str, tuple[float, float]] = {}
    hclg, disambig = _hclg(tables, model, options, sums)
    return write_graph(out, FstArrays.of(hclg), lang / "words.txt", model, disambig, sums)


def write_graph(
    out: Path,
    hclg: FstArrays,
    words: Path,
    model: HmmModel,
    disambig: list[int],
    sums: dict[str, tuple[float, float]],
) -> GraphSize:
    """Writes all files of a graph folder or none; words: the words.txt to copy."""
    sums = sums | {"HCLG": log_sums(hclg)}
    size = GraphSize(len(hclg.finals), len(hclg.arcs), model.gmms.num_pdfs, sums)
    with atomic_dir(out) as partial:
        (partial / "HCLG.fst").write_bytes(hclg.bytes())
        shutil.copyfile(checked(words), partial / "words.txt")
        np.savetxt(partial / "pdfs.txt", id_to_pdf(model.transitions), "%d")
        np.savetxt(partial / "disambig_tid.int", disambig, "%d")
        (partial / "size.json").write_text(json.dumps(asdict(size)))
    return size


def _hclg(
    lang: Lang, model: HmmModel, options: DecodeOptions, sums: dict[str, tuple[float, float]]
) -> tuple[Fst, list[int]]:
    with silenced():
        clg, windows = _clg(lang, model, sums)
        config = khg.HTransducerConfig(transition_scale=options.transition_scale)
        h, disambig = khg.get_h_transducer(windows, model.tree, model.transitions, config)
        kaldifst.arcsort(h, "olabel")
        kaldifst.arcsort(clg, "ilabel")
        graph = determinised(kaldifst.compose(h, clg), "HCLG")
        graph = without_inputs(graph, disambig)
        kaldifst.minimize_encoded(graph)
        sums["HCLGa"] = log_sums(FstArrays.of(graph))
        scale = options.self_loop_scale
        loops = {"self_loop_scale": scale, "reorder": True, "trans_model": model.transitions}
        return khg.add_self_loops(ifst=graph, **loops), disambig


def _clg(lang: Lang, model: HmmModel, sums: dict[str, tuple[float, float]]) -> tuple[Fst, list[list[int]]]:
    """CLG, and the context-dependent phones that its input labels stand for."""
    lexicon = read_fst(lang.path / "L_disambig.fst", "lang", (lang.phones, lang.words))
    grammar = read_fst(lang.path / "G.fst", "lang", (lang.words, lang.words))
    lg = kaldifst.compose(lexicon, grammar)
    if lg.start < 0:
        raise UserError(f"{lang.path}: the lexicon has no word sequence of G.fst; check both.")
    lg = determinised(lg, "LG")
    kaldifst.minimize_encoded(lg)
    pushed = push_special(FstArrays.of(lg))
    sums["LG"] = log_sums(pushed)
    lg = pushed.fst()
    kaldifst.arcsort(lg, "ilabel")
    context = model.tree.context_width, model.tree.central_position
    clg, windows = kaldifst.compose_context(lang.disambig, *context, lg)
    sums["CLG"] = log_sums(FstArrays.of(clg))
    return clg, windows


def determinised(fst: Fst, name: str) -> Fst:
    """A determinised copy (fstdeterminizestar). Raises UserError, with `name`, if there is none."""
    fst = Fst(fst)
    most = _SPARE_STATES + _MOST_GROWTH * fst.num_states  # an ambiguous one would grow without end
    try:
        stopped = kaldifst.determinize_star(fst, use_log=True, max_states=most)
    except RuntimeError:
        stopped = True
    if stopped:
        raise UserError(f"{name} cannot be determinised; the lexicon or G.fst is ambiguous.")
    return fst


def without_inputs(fst: Fst, labels: list[int]) -> Fst:
    """The FST with the input labels `labels` replaced by epsilon (fstrmsymbols)."""
    arrays = FstArrays.of(fst)
    arrays.arcs["ilabel"][np.isin(arrays.arcs["ilabel"], labels)] = 0
    return arrays.fst()
