"""Building an ARPA file from text, with a log of each step."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from asr_prune.errors import UserError, first_few
from asr_prune.lang.ngram.arpa import write_arpa
from asr_prune.lang.ngram.counts import NGramCounts, count_ngrams
from asr_prune.lang.ngram.estimate import estimate_ngrams
from asr_prune.lang.ngram.model import BackOff, perplexity
from asr_prune.lang.ngram.options import LmOptions
from asr_prune.lang.ngram.prune import prune_ngrams
from asr_prune.lang.ngram.text import (
    OOV_ID,
    EncodedText,
    Vocabulary,
    encode_text,
    read_sentences,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Text:
    """Files of one sentence per line; named: each line begins with an utterance id."""

    files: Sequence[Path]
    named: bool = False

    def sentences(self) -> Iterator[list[str]]:
        for path in self.files:
            yield from read_sentences(path, self.named)

    def encoded(self, vocabulary: Vocabulary) -> EncodedText:
        """Raises UserError if there is no word, or none of `vocabulary`."""
        encoded = encode_text(self.sentences(), vocabulary)
        if not encoded.words:
            raise UserError(f"{self} holds no words; write one sentence per line.")
        if encoded.unknown.total() == encoded.words:
            message = f"no word of {self} is in the vocabulary"
            raise UserError(f"{message}; use text of the same language and letter case.")
        return encoded

    def __str__(self) -> str:
        return first_few(map(str, self.files))


def build_lm(
    text: Text,
    out: Path,
    options: LmOptions,
    words: Iterable[str] = (),
    oov: str = "",
    heldout: Iterable[Text] = (),
) -> BackOff:
    """Estimates and prunes a model, logs its perplexity on `heldout`, and writes an ARPA file.

    words: the vocabulary, default: the words of the text. Other words count as the word `oov`, if
    `words` has it; otherwise no n-gram spans them. Raises UserError if text is missing, empty, out
    of vocabulary or too short for the order.
    """
    vocabulary = Vocabulary.of(words or chain.from_iterable(text.sentences()), oov)
    counts = _counted(text, vocabulary, options.order)
    tests = [(other, other.encoded(vocabulary)) for other in heldout]
    model, lines = estimate_ngrams(counts, vocabulary.words, options.smoothing)
    for line in lines:
        log.info("  %s", line)
    _log_model("", model, tests, vocabulary)
    if 0 < options.ngrams < sum(len(grams.word) for grams in model.orders[1:]):
        model = prune_ngrams(model, [grams.times for grams in counts], options.ngrams)
        _log_model("pruned to ", model, tests, vocabulary)
    write_arpa(model, out)
    return model


def _counted(text: Text, vocabulary: Vocabulary, order: int) -> list[NGramCounts]:
    encoded = text.encoded(vocabulary)
    log.info("  language model of %s: %s%s", text, encoded, _oov_note(encoded, vocabulary))
    counts = count_ngrams(encoded.mapped(vocabulary.oov), order, len(vocabulary.words))
    if len(counts) < order:
        longest = f"the longest sentence of {text}, which is {len(counts)} with its start and end"
        message = f"the order {order} is above {longest}"
        raise UserError(f"{message}; lower the order (lang.lm.order, --order).")
    return counts


def _oov_note(text: EncodedText, vocabulary: Vocabulary) -> str:
    if not text.unknown:
        return ""
    if vocabulary.oov == OOV_ID:
        return "; no n-gram spans them"
    return f"; they count as {vocabulary.words[vocabulary.oov]}"


def _log_model(
    prefix: str,
    model: BackOff,
    tests: list[tuple[Text, EncodedText]],
    vocabulary: Vocabulary,
) -> None:
    log.info("  %s%s", prefix, model)
    for text, encoded in tests:
        log.info("  perplexity on %s: %s", text, perplexity(model, encoded, vocabulary.oov))
