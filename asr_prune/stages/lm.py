"""What G is made of: a grammar, the language model that the corpus brings, or one estimated from text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.lang.ngram.build import Text, build_lm
from asr_prune.lang.ngram.options import LmOptions
from asr_prune.workflow.context import Context

#: what a local script may write to data/<name>/local
BROUGHT = ("lexicon.txt", "lm.arpa", "lm.txt")


def is_estimated(context: Context) -> bool:
    """Whether there is neither a grammar nor an lm.arpa of the corpus's, or the recipe names text of its own.

    Raises UserError where lang.lm asks for a model in vain.
    """
    arpa, options = context.data / "local/lm.arpa", context.recipe.lang
    instead = options.grammar or (arpa if context.brought(arpa.name) and not options.lm.text else None)
    if instead and options.lm != LmOptions():
        raise UserError(
            f"lang.lm estimates nothing where {instead} says what may be spoken; leave lang.lm out, or "
            + ("lang.grammar." if options.grammar else "name lang.lm.text to have a model estimated from it.")
        )
    return instead is None


def g_inputs(context: Context) -> dict[Path, str]:
    """The files of the corpus's that G is made of, with the stage that makes each."""
    if context.recipe.lang.grammar:
        return {}
    if not is_estimated(context):
        return {context.data / "local/lm.arpa": "corpus"}
    text = [] if context.recipe.lang.lm.text else _corpus_text(context).files
    return dict.fromkeys((*text, context.data / "dev/text"), "corpus")


def own_files(context: Context) -> list[Path]:
    """The files that the recipe itself names for G, those that are there."""
    options = context.recipe.lang
    return [path for path in (options.grammar, *options.lm.text) if path and path.is_file()]


def write_g(context: Context, arpa: Path | None) -> str:
    """Writes G.fst to the lang folder, of the recipe's grammar or, where it has none, of `arpa`; says what is in it."""
    from asr_prune.lang.grammar import make_grammar
    from asr_prune.lang.jsgf import make_jsgf

    if arpa:
        grammar = make_grammar(arpa, context.lang)
        return f"{grammar.order}-gram of {grammar.words} words, {len(grammar.dropped)} dropped"
    assert context.recipe.lang.grammar
    rules = make_jsgf(context.recipe.lang.grammar, context.lang)
    return f"grammar of {rules.rules} rules, {rules.words} words, {len(rules.dropped)} words left out"


def language_model(context: Context, words: Iterable[str] = ()) -> Path | None:
    """The ARPA file that the corpus brought, or else one estimated now; None where a grammar takes its place.

    words: the vocabulary of an estimated one, by default that of its text.
    """
    options, out = context.recipe.lang, context.lang / "lm.arpa"
    if options.grammar:
        return None
    if not is_estimated(context):
        return context.data / "local/lm.arpa"
    text = Text(options.lm.text) if options.lm.text else _corpus_text(context)
    build_lm(text, out, options.lm, words, options.oov_word, [Text([context.data / "dev/text"], named=True)])
    return out


def _corpus_text(context: Context) -> Text:
    written = context.data / "local/lm.txt"
    return Text([written]) if context.brought(written.name) else Text([context.data / "train/text"], named=True)


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
