"""Where the language model comes from: the corpus brings one, or it is estimated from text."""

from __future__ import annotations

from pathlib import Path

from asr_prune.done import Ledger
from asr_prune.errors import UserError
from asr_prune.lang.ngram.build import Text, build_lm
from asr_prune.lang.ngram.options import LmOptions
from asr_prune.lang.symbols import read_table
from asr_prune.stages.context import Context

#: what a local script may write to data/<name>/local beside lexicon.txt
BROUGHT = ("lm.arpa", "lm.txt")


def is_estimated(context: Context) -> bool:
    """Whether there is no lm.arpa of the corpus's, or the recipe names text of its own.

    Raises UserError where the corpus brings a model and lang.lm asks for another without text.
    """
    arpa, options = context.data / "local/lm.arpa", context.recipe.lang.lm
    if options.text or not _is_brought(context, arpa):
        return True
    if options != LmOptions():
        raise UserError(
            f"the corpus brings {arpa}, which lang.lm does not change; name lang.lm.text to have one estimated, or "
            "leave lang.lm out."
        )
    return False


def lm_inputs(context: Context) -> dict[Path, str]:
    """The files that the language model is made of, with the stage that makes each; a recipe's own text is none's."""
    local = context.data / "local"
    if not is_estimated(context):
        return {local / "lm.arpa": "corpus"}
    text = [] if context.recipe.lang.lm.text else _corpus_text(context).files
    return dict.fromkeys((*text, context.data / "dev/text"), "corpus")


def make_lm(context: Context) -> Path:
    """The language model as an ARPA file, estimated to the lang folder where the corpus brings none."""
    if not is_estimated(context):
        return context.data / "local/lm.arpa"
    options, out = context.recipe.lang, context.lang / "lm.arpa"
    text = Text(options.lm.text) if options.lm.text else _corpus_text(context)
    words = read_table(context.data / "lang/words.txt").keys() - {"<eps>", "#0"}
    build_lm(text, out, options.lm, words, options.oov_word, [Text([context.data / "dev/text"], named=True)])
    return out


def _corpus_text(context: Context) -> Text:
    written = context.data / "local/lm.txt"
    return Text([written]) if _is_brought(context, written) else Text([context.data / "train/text"], named=True)


def _is_brought(context: Context, path: Path) -> bool:
    """Whether the corpus stage wrote `path`, though it may be lost since."""
    return path.exists() or bool(Ledger(context.exp, context.hashes).written("corpus", path))


def stamps(context: Context) -> dict[Path, int]:
    """When what a script may bring was last written or replaced, in ns."""
    paths = (context.data / "local" / name for name in BROUGHT)
    return {path: path.stat().st_ctime_ns for path in paths if path.is_file()}


def brought_since(context: Context, before: dict[Path, int]) -> list[Path]:
    """What a script has written since `stamps` said `before`; what it no longer writes is removed."""
    now = stamps(context)
    for path in now.keys() & before.keys():
        if now[path] == before[path]:
            path.unlink()
    return sorted(path for path in now if path.is_file())
