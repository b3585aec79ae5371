"""What a network trained with CTC spells words with: characters, or pieces of sentencepiece."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.lang.options import LangOptions
from asr_prune.lang.symbols import read_table, write_table

BLANK = "<blk>"
#: begins a word, as sentencepiece writes it
BEGIN = "\u2581"
TABLE, MODEL = "tokens.txt", "tokens.model"


class Tokens:
    """symbols: of all tokens by id, the blank first; model: sentencepiece's, None for characters.

    Each word is spelled by itself, whatever stands beside it.
    """

    def __init__(self, symbols: Sequence[str], model: bytes | None = None) -> None:
        self.symbols, self.model = list(symbols), model
        self.ids = {symbol: i for i, symbol in enumerate(symbols)}
        self._processor = _processor(model) if model else None

    @classmethod
    def learn(cls, sentences: Iterable[Sequence[str]], options: LangOptions) -> Tokens:
        """From the words of transcripts. Raises UserError where there are none, or too few for `lang.pieces`."""
        texts = [list(words) for words in sentences if words]
        if not texts:
            raise UserError(
                "no transcript of the training set has a word, so there is nothing to spell; check its text."
            )
        letters = sorted({letter for words in texts for word in words for letter in word})
        if options.tokens == "characters":
            return cls([BLANK, BEGIN, *letters])
        model = _learn_pieces(texts, options.pieces)
        processor = _processor(model)
        # the blank takes the place of the unknown piece, which spells nothing in the training set
        return cls([BLANK, *(processor.id_to_piece(i) for i in range(1, processor.get_piece_size()))], model)

    @classmethod
    def read(cls, folder: Path) -> Tokens:
        """What `write` wrote. Raises UserError where it is missing or damaged."""
        table, model = read_table(folder / TABLE), folder / MODEL
        symbols = sorted(table, key=lambda symbol: table[symbol])
        if symbols[:1] != [BLANK] or sorted(table.values()) != list(range(len(table))):
            raise UserError(
                f"{folder / TABLE} is no table of tokens that begins with {BLANK}; run the lang stage again."
            )
        return cls(symbols, model.read_bytes() if model.is_file() else None)

    def write(self, folder: Path) -> None:
        """folder/tokens.txt, `token id` lines, and with pieces sentencepiece's tokens.model."""
        write_table(self.ids, folder / TABLE)
        (folder / MODEL).unlink(missing_ok=True)
        if self.model:
            with atomic(folder / MODEL, "wb") as file:
                file.write(self.model)

    def spelling(self, word: str) -> tuple[str, ...] | None:
        """The tokens of a word; None where one of its characters was not in the training set."""
        pieces = self._processor.encode(word, out_type=str) if self._processor else [BEGIN, *word]
        return tuple(pieces) if all(piece in self.ids for piece in pieces) else None

    def of_words(self, words: Iterable[str]) -> np.ndarray | None:
        """Ids of a sentence, int64 [tokens]; None where a word cannot be spelled."""
        spellings = [self.spelling(word) for word in words]
        if any(pieces is None for pieces in spellings):
            return None
        return np.array([self.ids[piece] for pieces in spellings for piece in pieces or ()], np.int64)


def spelled(symbols: Iterable[str]) -> list[str]:
    """The words that tokens spell, blanks left out."""
    return "".join(symbol for symbol in symbols if symbol != BLANK).replace(BEGIN, " ").split()


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
