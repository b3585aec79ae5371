"""Stages 0 to 2: corpus, lang, features."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from asr_prune.corpus.audio import utterance_seconds
from asr_prune.corpus.datadir import TABLES, DataDir, read_table
from asr_prune.corpus.script import listing, load_script, prepare_corpus, script_files, script_options
from asr_prune.corpus.validate import check_overlap, examine
from asr_prune.errors import UserError
from asr_prune.features.options import FeatureOptions
from asr_prune.stages.ctc import need_own_features, token_lang
from asr_prune.stages.feats import FILES, feature_folder
from asr_prune.stages.lm import brought_since, g_inputs, is_estimated, language_model, own_files, stamps, write_g
from asr_prune.stages.script import find_script
from asr_prune.workflow.context import SETS, Context, Work

if TYPE_CHECKING:
    from asr_prune.features.extract import ExtractCounts

log = logging.getLogger(__name__)

LANG = (
    *("phones.txt", "words.txt", "topo", "oov.int", "L.fst", "L_disambig.fst", "G.fst"),
    *(f"phones/{name}.int" for name in ("silence", "optional_silence", "disambig", "sets")),
)


def corpus(context: Context) -> None:
    """Stage 0: runs the recipe's local script, then tells what is in each set and what is wrong with it."""
    recipe, script = context.recipe, find_script(context)
    root, module = recipe.corpus.root, load_script(script)
    asked = script_options(module, recipe.corpus)
    tables = TABLES if recipe.features.need_audio else TABLES[1:]
    made = [context.data / part / name for part in SETS for name in tables]

    def do(_: bool) -> None:
        before = stamps(context)
        prepare_corpus(module, recipe.corpus, context.data, recipe.seed)
        made.extend(brought_since(context, before))
        describe(context)
        segments = [context.data / part / "segments" for part in SETS]
        made.extend(path for path in segments if path.is_file())

    sources = module.sources(root, *asked) if hasattr(module, "sources") else [root] if root else []
    part = {"corpus": recipe.corpus, "seed": recipe.seed, "listing": listing(sources)}
    code = [
        "corpus",
        "lang/dictionary.py",
        "lang/g2p.py",
        *map(str, script_files(script)),
    ]
    context.once(Work("corpus", f"preparing with {os.path.relpath(script)}", part, {}, code, do, made))


def describe(context: Context) -> None:
    """One line per set, and what `validate` finds, of the audio from its headers: decoding is for later stages."""
    own, words = context.recipe.corpus, vocabulary(context)
    sets = {part: DataDir.read(context.data / part) for part in SETS}
    for part, made in sets.items():
        spoken = sum(len(text) for text in made.text.values())
        rate = 0 if own.resample else own.rate
        problems, lengths = examine(made.path, rate, words, decode=False, audio=context.recipe.features.need_audio)
        hours = sum(utterance_seconds(made, lengths).values()) / 3600
        speakers = len(set(made.utt2spk.values()))
        told = f"{len(made.text):6d} utterances  {hours:6.2f} h  {speakers:4d} speakers  {spoken:7d} words"
        log.info("  %-5s %s", part, told)
        for problem in problems:
            log.warning("  %s", problem)
    for problem in check_overlap(sets):
        log.warning("  %s", problem)


def vocabulary(context: Context) -> set[str] | None:
    """The words that have a pronunciation; None where there is no lexicon."""
    folder = context.recipe.lang.folder
    path = folder / "words.txt" if folder else context.data / "local/lexicon.txt"
    if not path.is_file():
        return None
    return {line.split()[0] for line in path.read_text("utf-8", errors="replace").splitlines() if line.strip()}


def lang(context: Context) -> None:
    """Stage 1: lexicon and language model to FSTs, or a lang folder made by Kaldi; for CTC, what words are spelled
    with.
    """
    if context.ctc:
        return token_lang(context)
    lexicon, options = context.data / "local/lexicon.txt", context.recipe.lang
    if options.folder:
        return _take_lang(context, options.folder)

    def do(_: bool) -> None:
        from asr_prune.lang.prepare import prepare_lang
        from asr_prune.lang.symbols import spoken_words

        counts = prepare_lang(lexicon, context.lang, options)
        log.info("  %d words, %d pronunciations, %d phones", counts.words, counts.pronunciations, counts.phones)
        log.info("  %s", write_g(context, language_model(context, spoken_words(context.lang))))

    outputs = [context.lang / name for name in (*LANG, *(["lm.arpa"] if is_estimated(context) else []))]
    inputs, also = {lexicon: "corpus"} | g_inputs(context), own_files(context)
    context.once(Work("lang", "making L and G", options, inputs, ["lang"], do, outputs, also))


def _take_lang(context: Context, source: Path) -> None:
    from asr_prune.kaldi.take_lang import lang_files, take_lang

    def do(_: bool) -> None:
        log.info("  %d words, %d phones", *take_lang(source, context.lang))

    outputs, code = [context.lang / name for name in LANG], ["kaldi/take_lang.py", "lang"]
    also = lang_files(source)
    context.once(Work("lang", f"taking {source}", {"folder": source}, {}, code, do, outputs, also))


def features(context: Context) -> None:
    """Stage 2: the HMM's features and the network's, for every set."""
    options = context.recipe.features
    kinds = ("hmm",) if options.network.type == "hmm" else ("hmm", "network")
    if context.ctc:
        need_own_features(context)
        kinds = ("network",)
    places = [(context.data / part, kind) for part in SETS for kind in kinds]

    def do(_: bool) -> None:
        columns: dict[str, int] = {}
        for folder, kind in places:
            chosen: FeatureOptions = getattr(options, kind)
            counts = _make(folder, kind, chosen, context)
            if counts.dim != columns.setdefault(kind, counts.dim):
                what = f"{counts.dim} columns in {folder.name}, {columns[kind]} in train"
                raise UserError(f"{chosen.archives} holds features of {what}; make those of all sets alike.")
            told = f"{counts.utterances} utterances, {counts.frames} frames, {counts.hours:.2f} h"
            what = chosen.archives or chosen.type
            log.info("  %s, %s of %s: %s, %d skipped", folder, what, kind, told, len(counts.skipped))

    tables = ("wav.scp", "utt2spk") if options.need_audio else ("utt2spk",)
    inputs = {folder / name: "corpus" for folder, _ in places for name in tables}
    inputs |= {path: "corpus" for folder, _ in places if (path := folder / "segments").is_file()}
    context.need(inputs | {folder / "text": "corpus" for folder, _ in places})
    audio = listing(Path(path) for folder, kind in places if kind == kinds[0] for path in _wavs(folder))
    given = [Path(own.archives) / part for kind in kinds if (own := getattr(options, kind)).archives for part in SETS]
    taken = listing(path for folder in given for path in _archives(folder)) if given else ""
    part = {"features": options, "audio": audio, "longest": context.recipe.corpus.longest}
    part |= {"taken": taken} if taken else {}
    outputs = [feature_folder(folder, kind) / name for folder, kind in places for name in FILES]
    code = ["features", *(f"corpus/{name}.py" for name in ("audio", "audio_file", "segments"))]
    code += ["kaldi/features.py"] if taken else []
    context.once(Work("features", "computing features", part, inputs, code, do, outputs))


def _make(folder: Path, kind: str, options: FeatureOptions, context: Context) -> ExtractCounts:
    """Computes the features of a data directory, or takes those made elsewhere."""
    if not options.archives:
        from asr_prune.features.extract import extract

        longest = context.recipe.corpus.longest
        return extract(folder, feature_folder(folder, kind), options, context.nj, longest)
    from asr_prune.kaldi.features import take_features

    shift = options.frame_shift_ms / 1000
    return take_features(Path(options.archives) / folder.name, folder, feature_folder(folder, kind), shift)


def _archives(folder: Path) -> list[Path]:
    """The scp files of a folder of features and the archives they name."""
    scps = [path for path in (folder / "feats.scp", folder / "cmvn.scp") if path.is_file()]
    return [*scps, *sorted({Path(place.rpartition(":")[0]) for scp in scps for place in read_table(scp).values()})]


def _wavs(folder: Path) -> list[str]:
    return sorted(set(DataDir.read(folder).wavs.values()))
