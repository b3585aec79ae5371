"""What the lang stage makes: L and G of a lexicon and a language model, or the tokens of CTC."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.integrity import MANIFEST
from asr_prune.lang.arpa import SENTENCE, check_arpa
from asr_prune.lang.grammar import make_grammar
from asr_prune.lang.jsgf import make_jsgf
from asr_prune.lang.ngram.build import Text, build_lm
from asr_prune.lang.options import LangOptions
from asr_prune.lang.overlap import write_overlap
from asr_prune.lang.prepare import prepare_lang
from asr_prune.lang.source import GrammarSource
from asr_prune.lang.symbols import number_symbols, spoken_words, write_symbols
from asr_prune.lang.tokens import Tokens

log = logging.getLogger(__name__)


def make_lang(lexicon: Path, out: Path, options: LangOptions, source: GrammarSource) -> list[Path]:
    """Writes the lang folder `out` with L.fst and G.fst; with an estimated language model lm.arpa
    too.

    Returns all files that it wrote. Raises UserError if a file is missing or cannot be used.
    """
    counts = prepare_lang(lexicon, out, options)
    log.info(
        "  %d words, %d pronunciations, %d phones",
        counts.words,
        counts.pronunciations,
        counts.phones,
    )
    log.info("  %s", _write_g(source, out, _arpa(source, out, options, spoken_words(out))))
    return [path for path in sorted(out.rglob("*")) if path.is_file() and path.name != MANIFEST]


def make_token_lang(
    train: Path, out: Path, options: LangOptions, lexicon: Path | None, source: GrammarSource | None
) -> list[Path]:
    """Writes the tokens of the training transcripts to `out`; with a `source` also words.txt and
    G.fst.

    train: data directory; lexicon: for tokens that are phones. Returns further files that it wrote.
    Raises UserError as `Tokens.learn`.
    """
    out.mkdir(parents=True, exist_ok=True)
    sentences = list(DataDir.read(train).text.values())
    tokens = Tokens.learn(sentences, options, lexicon)
    tokens.write(out)
    log.info("  %d %s, the blank included", len(tokens.symbols), options.tokens)
    if source:
        _write_words(source, out, options, {word for sentence in sentences for word in sentence})
    return [path for path in (out / "tokens.model", out / "tokens.lexicon") if path.is_file()]


def _write_words(source: GrammarSource, out: Path, options: LangOptions, spoken: set[str]) -> None:
    """words.txt and G.fst of a language model, or of a grammar whose words are in the training
    transcripts.
    """
    arpa = _arpa(source, out, options)
    words = check_arpa(arpa).words - SENTENCE if arpa else spoken
    write_symbols(number_symbols([*sorted(words), "#0", "<s>", "</s>"]), out / "words.txt")
    log.info("  %s", _write_g(source, out, arpa))


def _arpa(source: GrammarSource, out: Path, options: LangOptions, words: Iterable[str] = ()) -> Path | None:
    """The ARPA file of the corpus, or one estimated now; None for a grammar. words: vocabulary of
    the estimate.
    """
    if source.grammar or source.arpa:
        return source.arpa
    if source.heldout is None:
        raise UserError("no text to estimate a language model from; give the corpus lm.arpa or set lang.lm.text.")
    text, heldout = Text(source.text, source.named), [Text([source.heldout], named=True)]
    build_lm(text, out / "lm.arpa", options.lm, words, options.oov_word, heldout)
    if source.test:
        write_overlap(text, Text([source.test], named=True), out)
    return out / "lm.arpa"


def _write_g(source: GrammarSource, out: Path, arpa: Path | None) -> str:
    """Writes G.fst; what it holds, in words."""
    if arpa:
        grammar = make_grammar(arpa, out)
        return f"{grammar.order}-gram of {grammar.words} words, {len(grammar.dropped)} dropped"
    assert source.grammar
    rules = make_jsgf(source.grammar, out)
    return f"grammar of {rules.rules} rules, {rules.words} words, {len(rules.dropped)} words left out"
