"""Transcripts to words, and the lexicon and language model for them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.spelling import (
    alphabet,
    cleaned,
    count_letters,
    has_number,
    is_noise,
    noises,
    replace_noises,
    without_noises,
    without_punctuation,
)
from asr_prune.errors import counted, first_few
from asr_prune.lang.dictionary import copy_arpa, read_dictionary, respelled, write_lexicon
from asr_prune.lang.g2p import completed
from asr_prune.lang.lexicon import Entry

from .hf_options import GRAPHEMES, Options

log = logging.getLogger(__name__)


@dataclass
class Oddities:
    """Noises and words with digits in the transcripts of a split, counted."""

    settings: Options
    noises: Counter[str] = field(default_factory=Counter)
    numbers: Counter[str] = field(default_factory=Counter)

    def count(self, text: str, words: Sequence[str]) -> None:
        """Counts what is in a transcript and its words."""
        self.noises.update(noises(_cased(cleaned(text), self.settings)))
        self.numbers.update(word for word in words if has_number(word))

    def report(self, where: str) -> None:
        """Logs what was counted."""
        if self.noises:
            log.warning("%s: %s, corpus.options.noises is %s", where, _most(self.noises, "noise"), self.settings.noises)
        if self.numbers and self.settings.digits != "leave_out":
            what = _most(self.numbers, "word with digits", "words with digits")
            log.warning("%s: %s, corpus.options.digits is %s", where, what, self.settings.digits)


def spelt(text: str, settings: Options) -> list[str]:
    """The words of a transcript, with case, noises and punctuation as the options want."""
    words = _cased(cleaned(text), settings)
    if settings.noises == "remove":
        words = without_noises(words)
    else:
        words = replace_noises(words, settings.noises if settings.noises != "keep" else "")
    return (without_punctuation(words) if settings.punctuation == "drop" else cleaned(words)).split()


def report_letters(root: Path, sets: Mapping[str, DataDir]) -> None:
    """Logs letters outside the alphabet of the bulk of the training text, per set."""
    spoken = {part: _words(data) for part, data in sets.items()}
    usual = alphabet(count_letters(spoken["train"].elements()))
    for part, words in spoken.items():
        letters = count_letters(words.elements())
        odd = Counter({letter: n for letter, n in letters.items() if letter not in usual})
        if odd:
            rare = [f"{c} (U+{ord(c):04X}) {n}, in {_with(words, c)}" for c, n in odd.most_common()]
            what = f"{part}: {counted(rare, 'letter')} outside the alphabet of the training text"
            log.warning("%s, %s: %s", root, what, first_few(rare))


def _words(data: DataDir) -> Counter[str]:
    return Counter(word for words in data.text.values() for word in words if not is_noise(word))


def _with(words: Mapping[str, int], letter: str) -> str:
    return min(word for word in words if letter in word)


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
    heard = {word for word in spoken if is_noise(word)} - {"<unk>"}
    if settings.lexicon == GRAPHEMES:
        spelled = ((word, tuple(word.replace("#", "hash"))) for word in sorted(spoken - heard - {"<unk>"}))
        entries: dict[Entry, float] = dict.fromkeys(spelled, 1.0)
    else:
        dictionary = read_dictionary(Path(settings.lexicon))
        entries = respelled(dictionary, lambda word: _cased(cleaned(word), settings))
    heard -= {word for word, _ in entries}
    noise = [("<unk>", ("SPN",)), *((word, ("SPN",)) for word in sorted(heard))]
    entries = {**dict.fromkeys(noise, 1.0), **entries}
    if settings.g2p:
        entries = completed(entries, spoken, numbers=settings.digits == "pronounce")
    known = {word for word, _ in entries}
    if unknown := sorted(spoken - known):
        what = f"{counted(unknown, 'word')} of the training text are not in {settings.lexicon}"
        log.warning("%s and count as <unk>: %s", what, first_few(unknown))
    write_lexicon(path, entries)


def _cased(word: str, settings: Options) -> str:
    return {"upper": word.upper(), "lower": word.lower(), "keep": word}[settings.case]


def _most(counts: Counter[str], one: str, many: str | None = None) -> str:
    """`14 noises: [COUGH] (9), <SIGH> (5)`, most frequent first."""
    few = first_few(f"{word} ({count})" for word, count in counts.most_common())
    return f"{counted(range(counts.total()), one, many)}: {few}"
