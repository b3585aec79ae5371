"""Stages 0 to 2: corpus, lang, features."""

from __future__ import annotations

import importlib.util
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from asr_prune.corpus.datadir import DataDir, read_table
from asr_prune.corpus.validate import validate
from asr_prune.errors import UserError
from asr_prune.features.options import FeatureOptions
from asr_prune.stages.context import SETS, Context, Work
from asr_prune.stages.ctc import need_own_features, token_lang
from asr_prune.stages.feats import FILES, feature_folder

if TYPE_CHECKING:
    from asr_prune.features.extract import Counts

log = logging.getLogger(__name__)

TABLES = ("wav.scp", "text", "utt2spk", "spk2utt")
LANG = (
    *("phones.txt", "words.txt", "topo", "oov.int", "L.fst", "L_disambig.fst", "G.fst"),
    *(f"phones/{name}.int" for name in ("silence", "optional_silence", "disambig", "sets")),
)


def corpus(context: Context) -> None:
    """Stage 0: runs the recipe's local script, then tells what is in each set and what is wrong with it."""
    recipe = context.recipe
    script = find_script(context)
    root = recipe.corpus.root
    made = [context.data / part / name for part in SETS for name in TABLES]

    def do(_: bool) -> None:
        for path in lists(context):
            path.unlink()
        load_script(script).prepare(root, context.data, recipe.seed)
        describe(context)
        made.extend(lists(context))

    part = {"corpus": recipe.corpus, "seed": recipe.seed, "listing": listing(root)}
    code = ["corpus", *(str(path) for path in sorted(script.parent.glob(f"{script.stem}*.py")))]
    context.once(Work("corpus", f"preparing with {script}", part, {}, code, do, made))


def lists(context: Context) -> list[Path]:
    """Lexicon and language model of the corpus, as far as it has them; CTC can do without."""
    return [path for name in ("lexicon.txt", "lm.arpa") if (path := context.data / "local" / name).is_file()]


def find_script(context: Context) -> Path:
    """The recipe's local script, looked for from here and from the project that holds the recipe."""
    name = context.recipe.corpus.prepare
    if not name:
        raise UserError(f"{context.loaded.path}: corpus.prepare is not set; name a script such as local/an4.py.")
    for base in (Path(), context.loaded.folder.resolve().parent.parent):
        if (base / name).is_file():
            return (base / name).resolve()
    raise UserError(f"{context.loaded.path}: corpus.prepare names {name}, which is not there; start from the project.")


def load_script(path: Path) -> ModuleType:
    """Imports a local script, which may import its neighbours."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file; corpus.prepare takes one with a function prepare.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def listing(root: Path | None) -> list[list[object]]:
    """Names, sizes and times of change of all files under `root`: the audio itself is not read for a fingerprint."""
    if root is None or not root.is_dir():
        return []
    stats = ((path, path.stat()) for path in sorted(root.rglob("*")) if path.is_file())
    return [[str(path), stat.st_size, stat.st_mtime_ns] for path, stat in stats]


def describe(context: Context) -> None:
    """One line per set, and what `validate` finds."""
    lexicon = context.data / "local/lexicon.txt"
    vocabulary = None
    if lexicon.is_file():
        vocabulary = {line.split()[0] for line in lexicon.read_text("utf-8").splitlines() if line.strip()}
    for part in SETS:
        made = DataDir.read(context.data / part)
        words = [word for text in made.text.values() for word in text]
        speakers = len(set(made.utt2spk.values()))
        log.info("  %-5s %5d utterances  %3d speakers  %6d words", part, len(made.wavs), speakers, len(words))
        for problem in validate(context.data / part, context.recipe.corpus.rate, vocabulary):
            log.warning("  %s", problem)


def lang(context: Context) -> None:
    """Stage 1: lexicon and language model to FSTs; for CTC, what words are spelled with."""
    if context.ctc:
        return token_lang(context)
    lexicon, arpa = context.data / "local/lexicon.txt", context.data / "local/lm.arpa"

    def do(_: bool) -> None:
        from asr_prune.lang.grammar import make_grammar
        from asr_prune.lang.prepare import prepare_lang

        counts = prepare_lang(lexicon, context.lang, context.recipe.lang)
        log.info("  %d words, %d pronunciations, %d phones", counts.words, counts.pronunciations, counts.phones)
        grammar = make_grammar(arpa, context.lang)
        log.info("  %d-gram of %d words, %d dropped", grammar.order, grammar.words, len(grammar.dropped))

    outputs = [context.lang / name for name in LANG]
    inputs = {lexicon: "corpus", arpa: "corpus"}
    context.once(Work("lang", "making L and G", context.recipe.lang, inputs, ["lang"], do, outputs))


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
            counts = _make(folder, kind, chosen, context.nj)
            if counts.dim != columns.setdefault(kind, counts.dim):
                what = f"{counts.dim} columns in {folder.name}, {columns[kind]} in train"
                raise UserError(f"{chosen.archives} holds features of {what}; make those of all sets alike.")
            told = f"{counts.utterances} utterances, {counts.frames} frames, {counts.hours:.2f} h"
            what = chosen.archives or chosen.type
            log.info("  %s, %s of %s: %s, %d skipped", folder, what, kind, told, len(counts.skipped))

    inputs = {folder / name: "corpus" for folder, _ in places for name in ("wav.scp", "utt2spk")}
    context.need(inputs | {folder / "text": "corpus" for folder, _ in places})
    audio = [[path, *_stat(path)] for folder, kind in places if kind == kinds[0] for path in _wavs(folder)]
    taken = [
        _listed(Path(own.archives) / part) for own in (options.hmm, options.network) if own.archives for part in SETS
    ]
    part = {"features": options, "audio": audio} | ({"taken": taken} if taken else {})
    outputs = [feature_folder(folder, kind) / name for folder, kind in places for name in FILES]
    code = ["features", "corpus/audio.py", *(["interop/features.py"] if taken else [])]
    context.once(Work("features", "computing features", part, inputs, code, do, outputs))


def _make(folder: Path, kind: str, options: FeatureOptions, nj: int) -> Counts:
    """Computes the features of a data directory, or takes those made elsewhere."""
    if not options.archives:
        from asr_prune.features.extract import extract

        return extract(folder, feature_folder(folder, kind), options, nj)
    from asr_prune.interop.features import take_features

    shift = options.frame_shift_ms / 1000
    return take_features(Path(options.archives) / folder.name, folder, feature_folder(folder, kind), shift)


def _listed(folder: Path) -> list[list[object]]:
    """The scp files of a folder of features and the archives they name, with sizes and times of change."""
    scps = [path for path in (folder / "feats.scp", folder / "cmvn.scp") if path.is_file()]
    arks = {place.rpartition(":")[0] for scp in scps for place in read_table(scp).values()}
    return [[path, *_stat(path)] for path in [*map(str, scps), *sorted(arks)]]


def _wavs(folder: Path) -> list[str]:
    return sorted(DataDir.read(folder).wavs.values())


def _stat(path: str) -> list[int]:
    try:
        stat = Path(path).stat()
    except OSError:
        return [-1, -1]
    return [stat.st_size, stat.st_mtime_ns]
