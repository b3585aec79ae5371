"""What a network trained with CTC spells words with: characters, pieces of sentencepiece, or a lexicon's phones."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, product
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.lang.lexicon import read_lexicon
from asr_prune.lang.options import LangOptions
from asr_prune.lang.symbols import read_symbols, write_symbols

BLANK = "<blk>"
#: begins a word, as sentencepiece writes it
BEGIN = "\u2581"
_TABLE, _MODEL, _LEXICON = "tokens.txt", "tokens.model", "tokens.lexicon"
#: ways to spell a sentence that are told of at most
WAYS = 64

Spelling = tuple[str, ...]


class Tokens:
    """symbols: of all tokens by id, the blank first; model: sentencepiece's, where they are pieces; lexicon: the
    pronunciations of each word, where they are phones.
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
        """From the words of transcripts; lexicon: what pronounces them, for phones. Raises UserError where there are
        none, too few for `lang.pieces`, or none that the lexicon has.
        """
        texts = [list(words) for words in sentences if words]
        if not texts:
            raise UserError(
                "no transcript of the training set has a word, so there is nothing to spell; check its text."
            )
        if lexicon:
            return cls._of_phones({word for words in texts for word in words}, lexicon)
        letters = sorted({letter for words in texts for word in words for letter in word})
        if options.tokens == "characters":
            return cls([BLANK, BEGIN, *letters])
        model = _learn_pieces(texts, options.pieces)
        processor = _processor(model)
        # the blank takes the place of the unknown piece, which spells nothing in the training set
        return cls([BLANK, *(processor.id_to_piece(i) for i in range(1, processor.get_piece_size()))], model)

    @classmethod
    def _of_phones(cls, heard: set[str], lexicon: Path) -> Tokens:
        """The phones of the words that were `heard`; one of other words could not be learned."""
        words = _pronunciations(lexicon)
        phones = sorted({phone for word in heard & words.keys() for way in words[word] for phone in way})
        if not phones:
            raise UserError(f"{lexicon} has no word of the training text; make both of text in the same case.")
        return cls([BLANK, *phones], lexicon=words)

    @classmethod
    def read(cls, folder: Path) -> Tokens:
        """What `write` wrote. Raises UserError where it is missing or damaged."""
        table, model, lexicon = read_symbols(folder / _TABLE), folder / _MODEL, folder / _LEXICON
        symbols = sorted(table, key=lambda symbol: table[symbol])
        if symbols[:1] != [BLANK] or sorted(table.values()) != list(range(len(table))):
            raise UserError(
                f"{folder / _TABLE} is no table of tokens that begins with {BLANK}; run the lang stage again."
            )
        words = _pronunciations(lexicon) if lexicon.is_file() else None
        return cls(symbols, model.read_bytes() if model.is_file() else None, words)

    def write(self, folder: Path) -> None:
        """folder/tokens.txt, `token id` lines; with pieces sentencepiece's tokens.model, with phones tokens.lexicon,
        `word phone phone ...` lines.
        """
        write_symbols(self.ids, folder / _TABLE)
        for name in (_MODEL, _LEXICON):
            (folder / name).unlink(missing_ok=True)
        if self.model:
            with atomic(folder / _MODEL, "wb") as file:
                file.write(self.model)
        if self.lexicon:
            with atomic(folder / _LEXICON) as file:
                file.writelines(f"{word} {' '.join(way)}\n" for word, ways in self.lexicon.items() for way in ways)

    def spellings(self, word: str) -> list[Spelling]:
        """The ways to spell a word: several where a lexicon has as many pronunciations; none where it takes a token
        that the training set has not.
        """
        ways = [self._letters(word)] if self.lexicon is None else self.lexicon.get(word, [])
        return [way for way in ways if all(token in self.ids for token in way)]

    def _letters(self, word: str) -> Spelling:
        return tuple(self._processor.encode(word, out_type=str)) if self._processor else (BEGIN, *word)

    def ways(self, words: Sequence[str]) -> list[list[Spelling]]:
        """The ways to spell a sentence, each a spelling for each word; none where a word cannot be spelled. A word is
        pronounced the same throughout; WAYS ways at most.
        """
        known = {word: self.spellings(word) for word in words}
        chosen = (dict(zip(known, ways, strict=True)) for ways in islice(product(*known.values()), WAYS))
        return [[choice[word] for word in words] for choice in chosen]

    def of_words(self, words: Sequence[str]) -> np.ndarray | None:
        """Ids of a sentence in all `ways` to spell it, int64 [ways, tokens], shorter ones filled up with blanks; None
        where there is none.
        """
        rows = [[self.ids[token] for spelling in way for token in spelling] for way in self.ways(words)]
        longest = max(map(len, rows), default=0)
        return np.array([row + [0] * (longest - len(row)) for row in rows], np.int64) if rows else None


def spelled(symbols: Iterable[str]) -> list[str]:
    """The words that tokens spell, blanks left out."""
    return "".join(symbol for symbol in symbols if symbol != BLANK).replace(BEGIN, " ").split()


def _pronunciations(lexicon: Path) -> dict[str, list[Spelling]]:
    words: defaultdict[str, list[Spelling]] = defaultdict(list)
    for word, phones in read_lexicon(lexicon).entries:
        words[word].append(phones)
    return dict(words)


def _learn_pieces(texts: list[list[str]], pieces: int) -> bytes:
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([" ".join(words) for words in texts]),
            model_writer=model,
            vocab_size=pieces,
            hard_vocab_limit=False,
            character_coverage=1.0,
            normalization_rule_name="identity",
            bos_id=-1,
            eos_id=-1,
            num_threads=1,
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        reason = str(error).splitlines()[-1].rpartition("] ")[2]
        raise UserError(
            f"sentencepiece cannot make {pieces} pieces of the training text ({reason}); choose another lang.pieces."
        ) from error
    return model.getvalue()


def _processor(model: bytes):  # type: ignore[no-untyped-def]
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_proto=model)
