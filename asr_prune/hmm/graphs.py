"""Training graphs: all state sequences of a transcript (Kaldi: compile-train-graphs)."""

from __future__ import annotations

import kaldi_hmm_gmm as khg

from asr_prune.hmm.model import HmmModel
from asr_prune.lang.fst import Fst, read_fst
from asr_prune.lang.lang import Lang
from asr_prune.progress import track


def graph_compiler(lang: Lang, model: HmmModel) -> khg.TrainingGraphCompiler:
    """Compiler of graphs from word ids, without transition probabilities."""
    scales = {"transition_scale": 0.0, "self_loop_scale": 0.0}
    options = khg.TrainingGraphCompilerOptions(**scales, reorder=True)
    lexicon = read_fst(lang.path / "L.fst", "lang", (lang.phones, lang.words))
    model_parts = model.transitions, model.tree
    return khg.TrainingGraphCompiler(*model_parts, lexicon, lang.disambig, options)


def compile_graphs(
    lang: Lang,
    model: HmmModel,
    text: dict[str, list[str]],
    utts: list[str],
) -> dict[str, Fst]:
    """A graph from transition-ids to words for each of `utts`, without transition probabilities.

    Utterances with an unknown word have no graph if the lexicon has no word for unknown words.
    """
    compiler = graph_compiler(lang, model)
    words = ((utt, lang.word_ids(text[utt])) for utt in track(utts, len(utts), "training graphs"))
    return {utt: compiler.compile_graph_from_text(ids) for utt, ids in words if ids}
