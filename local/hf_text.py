"""Transcripts to words, and the lexicon and language model for them."""

from __future__ import annotations

import logging
import unicodedata
from pathlib import Path

from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import counted, first_few
from asr_prune.lang.dictionary import copy_arpa, read_dictionary, respelled, write_lexicon
from asr_prune.lang.g2p import completed
from asr_prune.lang.lexicon import Entry

from .hf_options import GRAPHEMES, Options

log = logging.getLogger(__name__)


def spelt(text: object, settings: Options) -> list[str]:
    """The words of a transcript, with case and punctuation as the options want."""
    words = unicodedata.normalize("NFC", str(text or "")).replace("\u2019", "'")
    if settings.punctuation == "drop":
        words = "".join(" " if unicodedata.category(c)[0] in "PS" and c != "'" else c for c in words)
    cased = {"upper": words.upper(), "lower": words.lower(), "keep": words}[settings.case]
    bare = (word.strip("'") if settings.punctuation == "drop" else word for word in cased.split())
    return [word for word in bare if word]


def write_language(settings: Options, train: DataDir, local: Path) -> None:
    """Writes the files that the options name to `local`: lexicon.txt, with <unk>, and lm.arpa.

    Raises UserError if a file is missing or damaged.
    """
    if settings.lexicon:
        spoken = {word for words in train.text.values() for word in words}
        _write_lexicon(settings, spoken, local / "lexicon.txt")
    if settings.lm:
        copy_arpa(settings.lm, local / "lm.arpa")


def _write_lexicon(settings: Options, spoken: set[str], path: Path) -> None:
    if settings.lexicon == GRAPHEMES:
        spelled = ((word, tuple(word.replace("#", "hash"))) for word in sorted(spoken))
        entries: dict[Entry, float] = dict.fromkeys(spelled, 1.0)
    else:
        dictionary = read_dictionary(Path(settings.lexicon))
        entries = respelled(dictionary, lambda word: _cased(word, settings))
    if settings.g2p:
        entries = completed(entries, spoken)
    known = {word for word, _ in entries}
    if unknown := sorted(spoken - known):
        what = f"{counted(unknown, 'word')} of the training text are not in {settings.lexicon}"
        log.warning("%s and count as <unk>: %s", what, first_few(unknown))
    write_lexicon(path, {("<unk>", ("SPN",)): 1.0, **entries})


def _cased(word: str, settings: Options) -> str:
    return {"upper": word.upper(), "lower": word.lower(), "keep": word}[settings.case]
