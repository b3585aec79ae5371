"""From text to an ARPA file, told step by step."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr_prune.errors import UserError, first_few
from asr_prune.lang.ngram.arpa import write_arpa
from asr_prune.lang.ngram.counts import NGramCounts, count_ngrams
from asr_prune.lang.ngram.estimate import estimate_ngrams
from asr_prune.lang.ngram.model import BackOff, perplexity
from asr_prune.lang.ngram.options import LmOptions
from asr_prune.lang.ngram.prune import prune_ngrams
from asr_prune.lang.ngram.text import OOV_ID, EncodedText, Vocabulary, encode_text, read_sentences

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Text:
    """Files of one sentence a line. named: an utterance's id comes first."""

    files: Sequence[Path]
    named: bool = False

    def sentences(self) -> Iterator[list[str]]:
        for path in self.files:
            yield from read_sentences(path, self.named)

    def tokens(self, vocabulary: Vocabulary) -> EncodedText:
        """Raises UserError where there is no word, or none of `vocabulary`."""
        tokens = encode_text(self.sentences(), vocabulary)
        if not tokens.words:
            raise UserError(f"{self} holds no words; give text of one sentence a line.")
        if tokens.unknown.total() == tokens.words:
            raise UserError(f"no word of {self} is in the vocabulary; use text of the same language and letter case.")
        return tokens

    def __str__(self) -> str:
        return first_few(map(str, self.files))


def build_lm(
    text: Text, out: Path, options: LmOptions, words: Iterable[str] = (), oov: str = "", heldout: Iterable[Text] = ()
) -> BackOff:
    """Estimates a language model, prunes it as asked and writes it to `out` as ARPA; logs its perplexity on `heldout`.

    words: the vocabulary, by default the text's words. Those outside it count as the word `oov` where `words` has that;
    else no n-gram spans them. Raises UserError where text is missing, empty or foreign, or too short for the order.
    """
    vocabulary = Vocabulary.of(words or (word for sentence in text.sentences() for word in sentence), oov)
    counts = _counted(text, vocabulary, options.order)
    tests = [(other, other.tokens(vocabulary)) for other in heldout]
    model, told = estimate_ngrams(counts, vocabulary.words, options.smoothing)
    for line in told:
        log.info("  %s", line)
    _tell("", model, tests, vocabulary)
    if 0 < options.ngrams < sum(len(grams.word) for grams in model.orders[1:]):
        model = prune_ngrams(model, [own.times for own in counts], options.ngrams)
        _tell("pruned to ", model, tests, vocabulary)
    write_arpa(model, out)
    return model


def _counted(text: Text, vocabulary: Vocabulary, order: int) -> list[NGramCounts]:
    tokens = text.tokens(vocabulary)
    log.info("  language model of %s: %s%s", text, tokens, _fate(tokens, vocabulary))
    counts = count_ngrams(tokens.mapped(vocabulary.oov), order, len(vocabulary.words))
    if len(counts) < order:
        raise UserError(
            f"the order {order} is above the longest sentence of {text}, which is {len(counts)} with its start and "
            "end; lower the order (lang.lm.order, --order)."
        )
    return counts


def _fate(tokens: EncodedText, vocabulary: Vocabulary) -> str:
    if not tokens.unknown:
        return ""
    return "; no n-gram spans them" if vocabulary.oov == OOV_ID else f"; they are {vocabulary.words[vocabulary.oov]}"


def _tell(what: str, model: BackOff, tests: list[tuple[Text, EncodedText]], vocabulary: Vocabulary) -> None:
    log.info("  %s%s", what, model)
    for text, tokens in tests:
        log.info("  perplexity on %s: %s", text, perplexity(model, tokens, vocabulary.oov))
