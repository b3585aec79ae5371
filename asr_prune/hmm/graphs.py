"""Training graphs: for each transcript, all its state sequences (Kaldi: compile-train-graphs)."""

from __future__ import annotations

import kaldi_hmm_gmm as khg

from asr_prune.hmm.model import HmmModel
from asr_prune.lang.fst import Fst, read_fst
from asr_prune.lang.lang import Lang


def graph_compiler(lang: Lang, model: HmmModel) -> khg.TrainingGraphCompiler:
    """What compiles a graph from word ids, transition probabilities left out."""
    options = khg.TrainingGraphCompilerOptions(transition_scale=0.0, self_loop_scale=0.0, reorder=True)
    lexicon = read_fst(lang.path / "L.fst", "lang")
    return khg.TrainingGraphCompiler(model.transitions, model.tree, lexicon, lang.disambig, options)


def compile_graphs(lang: Lang, model: HmmModel, text: dict[str, list[str]], utts: list[str]) -> dict[str, Fst]:
    """A graph of transition-ids to words per utterance of `utts`, transition probabilities left for the aligner to add.

    Utterances with a word that has no pronunciation, in a lexicon without a word for the unknown, have no graph.
    """
    compiler = graph_compiler(lang, model)
    words = {utt: lang.word_ids(text[utt]) for utt in utts}
    return {utt: compiler.compile_graph_from_text(ids) for utt, ids in words.items() if ids}
