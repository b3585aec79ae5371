"""Transcripts to words, and the lexicon and language model for them."""

from __future__ import annotations

import logging
import unicodedata
from pathlib import Path

from hf_options import GRAPHEMES, Options

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.wording import counted, examples
from asr_prune.lang.dictionary import copy_arpa, read_dictionary, write_lexicon
from asr_prune.lang.g2p import completed
from asr_prune.lang.lexicon import Entry

log = logging.getLogger(__name__)


def spelt(text: object, asked: Options) -> list[str]:
    """The words of a transcript in the recipe's spelling."""
    words = unicodedata.normalize("NFC", str(text or "")).replace("\u2019", "'")
    if asked.punctuation == "drop":
        words = "".join(" " if unicodedata.category(c)[0] in "PS" and c != "'" else c for c in words)
    cased = {"upper": words.upper(), "lower": words.lower(), "keep": words}[asked.case]
    bare = (word.strip("'") if asked.punctuation == "drop" else word for word in cased.split())
    return [word for word in bare if word]


def write_language(asked: Options, train: DataDir, local: Path) -> None:
    """Writes to `local`, where they are named, lexicon.txt, with <unk>, and lm.arpa.

    Raises UserError where a file is missing or damaged.
    """
    if asked.lexicon:
        _write_lexicon(asked, {word for words in train.text.values() for word in words}, local / "lexicon.txt")
    if asked.lm:
        copy_arpa(asked.lm, local / "lm.arpa")


def _write_lexicon(asked: Options, heard: set[str], path: Path) -> None:
    if asked.lexicon == GRAPHEMES:
        entries: list[Entry] = [(word, tuple(word.replace("#", "hash"))) for word in sorted(heard)]
    else:
        entries = [(_cased(word, asked), phones) for word, phones in read_dictionary(Path(asked.lexicon))]
    if asked.g2p:
        entries = completed(entries, heard)
    known = {word for word, _ in entries}
    if unknown := sorted(heard - known):
        told = f"{counted(unknown, 'word')} of the training text are not in {asked.lexicon} and count as <unk>"
        log.warning("%s: %s", told, examples(unknown))
    write_lexicon(path, [("<unk>", ("SPN",)), *entries])


def _cased(word: str, asked: Options) -> str:
    return {"upper": word.upper(), "lower": word.lower(), "keep": word}[asked.case]
