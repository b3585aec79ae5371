"""Output tokens of CTC networks: characters, sentencepiece pieces, or phones of a lexicon."""

from __future__ import annotations

import io
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice, product
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.files import Readable, atomic
from asr_prune.integrity import checked
from asr_prune.lang.lexicon import read_lexicon
from asr_prune.lang.options import LangOptions
from asr_prune.lang.symbols import read_symbols, write_symbols
from asr_prune.text import fields, lines_of

log = logging.getLogger(__name__)

BLANK = "<blk>"
#: marks the start of a word, as in sentencepiece
BEGIN = "\u2581"
_TABLE, _MODEL, _LEXICON = "tokens.txt", "tokens.model", "tokens.lexicon"
#: maximum number of spellings of a sentence
WAYS = 64

Spelling = tuple[str, ...]


class Tokens:
    """symbols: of all tokens by id, blank first; model: sentencepiece model, for pieces; lexicon:
    pronunciations of each word, for phones.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        model: bytes | None = None,
        lexicon: Mapping[str, Sequence[Spelling]] | None = None,
    ) -> None:
        self.symbols, self.model, self.lexicon = list(symbols), model, lexicon
        self.ids = {symbol: i for i, symbol in enumerate(symbols)}
        self._processor = _processor(model) if model else None

    @classmethod
    def learn(cls, sentences: Iterable[Sequence[str]], options: LangOptions, lexicon: Path | None = None) -> Tokens:
        """From the words of transcripts; lexicon: their pronunciations, for phones.

        Raises UserError if there are no words, too few for `lang.pieces`, or none of the lexicon.
        """
        texts = [list(words) for words in sentences if words]
        if not texts:
            message = "no transcript of the training set has a word, so there are no tokens"
            raise UserError(f"{message}; check its text.")
        if lexicon:
            return cls._of_phones({word for words in texts for word in words}, lexicon)
        letters = sorted({letter for words in texts for word in words for letter in word})
        if options.tokens == "characters":
            return cls([BLANK, BEGIN, *letters])
        model = _learn_pieces(texts, options.pieces)
        processor = _processor(model)
        # blank replaces the unknown piece, which never occurs in the training set
        pieces = (processor.id_to_piece(i) for i in range(1, processor.get_piece_size()))
        return cls([BLANK, *pieces], model)

    @classmethod
    def _of_phones(cls, training: set[str], lexicon: Path) -> Tokens:
        """Phones of the words of the training text only, as other phones cannot be learned."""
        words = _pronunciations(lexicon, warn=True)
        spellings = chain(*(words[word] for word in training & words.keys()))
        phones = sorted(set(chain(*spellings)))
        if not phones:
            message = f"{lexicon} has no word of the training text"
            raise UserError(f"{message}; use the same letter case in both.")
        return cls([BLANK, *phones], lexicon=words)

    @classmethod
    def read(cls, folder: Readable) -> Tokens:
        """Reads files of `write`. Raises UserError if they are missing or damaged."""
        table, model, lexicon = read_symbols(folder / _TABLE), folder / _MODEL, folder / _LEXICON
        symbols = sorted(table, key=lambda symbol: table[symbol])
        if symbols[:1] != [BLANK] or sorted(table.values()) != list(range(len(table))):
            message = f"{folder / _TABLE} is no table of tokens that begins with {BLANK}"
            raise UserError(f"{message}; run the lang stage again.")
        words = _pronunciations(lexicon) if lexicon.is_file() else None
        return cls(symbols, checked(model).read_bytes() if model.is_file() else None, words)

    def write(self, folder: Path) -> None:
        """Writes folder/tokens.txt, `token id` lines.

        Pieces also have sentencepiece's tokens.model; phones have tokens.lexicon, `word phone
        phone ...` lines.
        """
        write_symbols(self.ids, folder / _TABLE)
        for name in (_MODEL, _LEXICON):
            (folder / name).unlink(missing_ok=True)
        if self.model:
            with atomic(folder / _MODEL, "wb") as file:
                file.write(self.model)
        if self.lexicon:
            with atomic(folder / _LEXICON) as file:
                for word, spellings in self.lexicon.items():
                    file.writelines(f"{word} {' '.join(phones)}\n" for phones in spellings)

    def spellings(self, word: str) -> list[Spelling]:
        """Spellings of a word: one, or with a lexicon one per pronunciation.

        Spellings with a token that the training set lacks are left out.
        """
        known = [self._letters(word)] if self.lexicon is None else self.lexicon.get(word, [])
        return [tokens for tokens in known if all(token in self.ids for token in tokens)]

    def _letters(self, word: str) -> Spelling:
        if not self._processor:
            return (BEGIN, *word)
        return tuple(self._processor.encode(word, out_type=str))

    def ways(self, words: Sequence[str]) -> list[list[Spelling]]:
        """Spellings of a sentence, at most WAYS; none if a word cannot be spelled.

        Each has one spelling per word. A repeated word is spelled the same throughout.
        """
        known = {word: self.spellings(word) for word in words}
        combinations = islice(product(*known.values()), WAYS)
        chosen = (dict(zip(known, spellings, strict=True)) for spellings in combinations)
        return [[choice[word] for word in words] for choice in chosen]

    def of_words(self, words: Sequence[str]) -> np.ndarray | None:
        """Ids of all spellings of a sentence, int64 [spellings, tokens]; None if there are none.

        Shorter spellings are padded with blanks.
        """
        rows = [[self.ids[token] for token in chain(*spelling)] for spelling in self.ways(words)]
        longest = max(map(len, rows), default=0)
        padded = [row + [0] * (longest - len(row)) for row in rows]
        return np.array(padded, np.int64) if rows else None


def spelled(symbols: Iterable[str]) -> list[str]:
    """The words that tokens spell; blanks are ignored."""
    text = "".join(symbol for symbol in symbols if symbol != BLANK)
    return fields(text.replace(BEGIN, " "))


def _pronunciations(lexicon: Readable, warn: bool = False) -> dict[str, list[Spelling]]:
    words: defaultdict[str, list[Spelling]] = defaultdict(list)
    read = read_lexicon(lexicon)
    if warn and read.weighted:
        log.warning("%s: CTC does not use its probabilities", lexicon)
    for word, phones in read.entries:
        words[word].append(phones)
    return dict(words)


def _learn_pieces(texts: list[list[str]], pieces: int) -> bytes:
    import sentencepiece

    model, lines = io.BytesIO(), [" ".join(words) for words in texts]
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            vocab_size=pieces,
            hard_vocab_limit=False,
            max_sentence_length=max([4192, *(len(line.encode()) for line in lines)]),
            character_coverage=1.0,
            normalization_rule_name="identity",
            bos_id=-1,
            eos_id=-1,
            num_threads=1,
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        reason = lines_of(str(error))[-1].rpartition("] ")[2]
        message = f"sentencepiece cannot make {pieces} pieces of the training text ({reason})"
        raise UserError(f"{message}; choose another lang.pieces.") from error
    return model.getvalue()


def _processor(model: bytes):  # type: ignore[no-untyped-def]
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_proto=model)
