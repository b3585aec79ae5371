"""What the stages do where networks are trained with CTC: no lexicon of phones, no alignment, no HMM."""

from __future__ import annotations

import json
import logging
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.files import atomic_dir
from asr_prune.hmm.network_features import Feats
from asr_prune.recipe.load import Run
from asr_prune.stages.feats import network_features
from asr_prune.stages.lm import g_inputs, is_estimated, language_model, own_files, write_g
from asr_prune.workflow.context import Context, Work

if TYPE_CHECKING:
    from asr_prune.acoustic.checkpoint import Model

log = logging.getLogger(__name__)

GRAPH = ("HCLG.fst", "words.txt", "pdfs.txt", "size.json")
Words = dict[str, list[str]]


def token_lang(context: Context) -> None:
    """Stage 1: tokens of the training text; where words are searched, the language model's words and G.fst."""
    options, lang = context.recipe, context.lang
    text, words = context.data / "train/text", options.decode.search == "graph"
    lexicon = context.data / "local/lexicon.txt" if options.lang.tokens == "phones" else None
    if lexicon and not words:
        raise UserError("lang.tokens phones spell no word where decoding is greedy; set decode.search to graph.")
    if lexicon and not context.brought(lexicon.name):
        raise UserError("lang.tokens phones takes a lexicon, and the corpus has none; set it to characters or pieces.")
    if context.loaded.recipe.decode.type == "auto":
        log.info("the corpus has no lexicon: networks are trained with CTC to spell its words, without alignment")

    def do(_: bool) -> None:
        from asr_prune.lang.tokens import Tokens

        lang.mkdir(parents=True, exist_ok=True)
        sentences = DataDir.read(text.parent).text.values()
        tokens = Tokens.learn(sentences, options.lang, lexicon)
        tokens.write(lang)
        outputs.extend(path for path in (lang / "tokens.model", lang / "tokens.lexicon") if path.is_file())
        log.info("  %d %s, the blank among them", len(tokens.symbols), options.lang.tokens)
        if words:
            _make_words(context, {word for words in sentences for word in words})

    names = ["tokens.txt", *(("words.txt", "G.fst") if words else ())]
    outputs = [lang / name for name in (*names, *(["lm.arpa"] if words and is_estimated(context) else []))]
    inputs = {text: "corpus"} | (g_inputs(context) if words else {}) | ({lexicon: "corpus"} if lexicon else {})
    also = own_files(context) if words else []
    part = {name: getattr(options.lang, name) for name in ("tokens", "pieces", "grammar", "lm", "oov_word")}
    says = "learning what to spell words with"
    context.once(Work("lang", says, part | {"words": words}, inputs, ["lang"], do, outputs, also))


def _make_words(context: Context, heard: set[str]) -> None:
    """words.txt and G.fst of a language model, or of a grammar whose words must be among those `heard` in training."""
    from asr_prune.lang.arpa import SENTENCE, check_arpa
    from asr_prune.lang.symbols import number_symbols, write_symbols

    arpa = language_model(context)
    words = check_arpa(arpa)[0] - SENTENCE if arpa else heard
    write_symbols(number_symbols([*sorted(words), "#0", "<s>", "</s>"]), context.lang / "words.txt")
    log.info("  %s", write_g(context, arpa))


def need_own_features(context: Context) -> None:
    """Raises UserError where the network is to see what a GMM-HMM sees."""
    if context.recipe.features.network.type == "hmm":
        raise UserError(
            "features.network.type hmm is what a GMM-HMM sees, and CTC trains none; set it to fbank or mfcc."
        )


def need_utterances(context: Context, run: Run) -> None:
    """Raises UserError where a run asks for what only CTC has, or to augment bands of features that are none."""
    if run.network.type == "tdnn" and not context.ctc:
        raise UserError(f"run {run.name}: network.type tdnn is trained with CTC; set decode.type to ctc.")
    train, feats = run.train, context.recipe.features.network
    if not context.ctc and any((train.tempo, train.warp, train.mask_frames, train.mask_bands)):
        raise UserError(
            f"run {run.name}: tempo, warp, mask_frames and mask_bands change whole utterances, which only CTC learns; "
            "leave them out of train, or set decode.type to ctc."
        )
    if (train.warp or train.mask_bands) and (feats.type != "fbank" or feats.deltas or feats.use_energy):
        raise UserError(
            f"run {run.name}: train.warp and train.mask_bands are for bands of a filterbank; set features.network.type "
            "to fbank without deltas and use_energy, or leave the two out."
        )


def token_labels(context: Context, parts: tuple[str, ...]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Tokens of the utterances of some sets, int64 [ways to spell it, tokens], and what each token spells. Utterances
    with a word that they cannot spell are left out, counted and told.
    """
    from asr_prune.lang.tokens import Tokens

    tokens = Tokens.read(context.lang)
    texts = {utt: words for part in parts for utt, words in DataDir.read(context.data / part).text.items()}
    found = {utt: tokens.of_words(words) for utt, words in texts.items()}
    labels = {utt: ids for utt, ids in found.items() if ids is not None}
    if len(labels) < len(found):
        told = "%d of %d utterances have words that the training text's tokens cannot spell, left out"
        log.warning(told, len(found) - len(labels), len(found))
    return labels, tokens.symbols


def label_inputs(context: Context, parts: tuple[str, ...]) -> dict[Path, str]:
    """Files that `token_labels` reads, with the stage that makes them."""
    return {context.lang / "tokens.txt": "lang"} | {context.data / part / "text": "corpus" for part in parts}


def token_graph(context: Context) -> None:
    """Stage 6: the graph of tokens and words, where words are searched."""
    if context.recipe.decode.search == "greedy":
        shutil.rmtree(context.graph, ignore_errors=True)  # that `verify` finds none of other tokens
        return log.info("graph: greedy decoding needs none")

    def do(_: bool) -> None:
        from asr_prune.decode.token_graph import make_token_graph

        size = make_token_graph(context.lang, context.graph)
        log.info("  %d states, %d arcs, %d tokens", size.states, size.arcs, size.tokens)
        if size.unspelled:
            told = "  %d words of the language model cannot be spelled, left out: %s"
            log.warning(told, len(size.unspelled), " ".join(size.unspelled[:10]))

    inputs = {context.lang / name: "lang" for name in ("tokens.txt", "words.txt", "G.fst")}
    code = ["decode/graph.py", "decode/token_graph.py", "lang"]
    outputs = [context.graph / name for name in GRAPH]
    context.once(Work("graph", "making the graph of tokens and words", {}, inputs, code, do, outputs))


def with_priors(context: Context, model: Model) -> Model:
    """`model` as words are searched with it: its posteriors divided by a power of the tokens' priors,
    decode.ctc_prior_scale; as it is where no graph of tokens is searched.
    """
    from asr_prune.decode.token_priors import token_log_priors

    options = context.recipe.decode
    scale = options.ctc_prior_scale
    if options.search != "graph" or not scale:
        return model
    labels, symbols = token_labels(context, ("train",))
    return replace(model, priors=scale * token_log_priors(labels.values(), len(symbols)))


def prior_inputs(context: Context) -> dict[Path, str]:
    """Files that `with_priors` reads, with the stage that makes them."""
    return label_inputs(context, ("train",)) if context.ctc else {}


def greedy_part(context: Context, model: Model, part: str, out: Path) -> None:
    """Decodes one set greedily and writes `out` as `decode_part` does, with one file of words."""
    source = network_features(context)
    feats = source.load(context.data / part, context.align)
    start = time.perf_counter()
    words = greedy(model, feats)
    seconds, frames = time.perf_counter() - start, sum(map(len, feats.values()))
    info = {
        "frames": frames,
        "rtf_decode": 0.0,
        "sweep_seconds": 0.0,
        "am_forward_seconds_per_hour": seconds / (frames * source.frame_shift / 3600),
        "utterances": len(words),
        "no_final_state": [],
        "no_path": [],
    }
    with atomic_dir(out) as partial:
        (partial / "penalty_0").mkdir()
        lines = (f"{utt} {' '.join(words[utt])}\n" for utt in sorted(words))
        (partial / "penalty_0/1.txt").write_text("".join(lines), encoding="utf-8")
        (partial / "info.json").write_text(json.dumps(info, indent=1))
    log.info("  %s: %d utterances decoded greedily", part, len(words))


def greedy(model: Model, feats: Feats) -> Words:
    """Words of every utterance, without lexicon and language model."""
    from asr_prune.acoustic.priors import log_likelihoods
    from asr_prune.decode.greedy import greedy_words

    found = log_likelihoods(model.network, model.priors, feats, model.context)
    return {utt: greedy_words(posteriors, model.tokens) for utt, posteriors in found}
