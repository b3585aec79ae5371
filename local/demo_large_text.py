"""The text of the large demo corpus: sentences over a dictionary of 100,000 words."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.lang.dictionary import read_dictionary
from asr_prune.text import fields

#: within the wheel pocketsphinx, which is not imported
DICTIONARY = Path("model/en-us/cmudict-en-us.dict")
LENGTH = (4, 14)  # words of a sentence
ZIPF = 1.2  # exponent; English text has about 1
FOLLOWERS = 24  # words that often follow a word
OFTEN = 0.75  # how often one of them does

# the most frequent words of English, so that most of a sentence is as short as in speech
FREQUENT = """
    THE OF AND TO A IN THAT IT IS WAS I FOR ON YOU HE BE WITH AS BY AT HAVE ARE THIS NOT BUT HAD HIS
    THEY FROM SHE WHICH OR WE AN THERE HER WERE ONE DO BEEN ALL THEIR HAS WOULD WILL WHAT IF CAN WHEN
    SO NO SAID WHO MORE ABOUT UP THEM SOME COULD HIM INTO ITS THEN TWO OUT TIME LIKE ONLY MY DID OTHER
    ME YOUR NOW OVER JUST MAY THESE NEW ALSO PEOPLE ANY KNOW VERY SEE FIRST WELL AFTER SHOULD THAN
    WHERE BACK HOW GET MOST WAY DOWN OUR MADE GOT MUCH THINK WORK BETWEEN GO YEARS MANY BEING THOSE
"""
_PLAIN = re.compile(r"[A-Z]{2,}|[AI]")

Entries = list[tuple[str, tuple[str, ...]]]


def dictionary() -> Entries:
    """Words and phones of CMU's dictionary, without stress; words of letters alone.

    Raises UserError if pocketsphinx, which brings the dictionary, is not installed.
    """
    spec = importlib.util.find_spec("pocketsphinx")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("the large demo needs pocketsphinx's dictionary; run `pip install 'asr_prune[demo_large]'`.")
    path = Path(spec.submodule_search_locations[0]) / DICTIONARY
    entries = ((word.upper(), tuple(phones)) for word, phones in read_dictionary(path))
    return [(word, phones) for word, phones in entries if _PLAIN.fullmatch(word)]


class Writer:
    """Writes sentences: Zipf's law over words, of which each has followers of its own.

    words: the vocabulary; seed: decides the rank of words and their followers.
    """

    def __init__(self, words: list[str], seed: int) -> None:
        dice = np.random.default_rng(seed)
        first = [word for word in fields(FREQUENT) if word in set(words)]
        rest = sorted(set(words) - set(first))
        self.words = [*first, *(rest[i] for i in dice.permutation(len(rest)))]
        self._shares = np.cumsum((np.arange(len(self.words)) + 2.7) ** -ZIPF)
        self._followers = self._drawn(dice, len(self.words) * FOLLOWERS).reshape(-1, FOLLOWERS)
        self._near = np.cumsum(1 / (np.arange(FOLLOWERS) + 1.0))

    def _drawn(self, dice: np.random.Generator, count: int) -> np.ndarray:
        return np.searchsorted(self._shares, dice.random(count) * self._shares[-1])

    def sentences(self, count: int, seed: list[int]) -> list[list[str]]:
        """`count` sentences; equal seeds give equal ones."""
        dice = np.random.default_rng(seed)
        return [[self.words[i] for i in self._sentence(dice)] for _ in range(count)]

    def _sentence(self, dice: np.random.Generator) -> list[int]:
        length = int(dice.integers(*LENGTH, endpoint=True))
        fresh, often, near = self._drawn(dice, length).tolist(), dice.random(length), dice.random(length)
        sentence = fresh[:1]
        for place in range(1, length):
            follower = np.searchsorted(self._near, near[place] * self._near[-1])
            known = int(self._followers[sentence[-1], follower])
            sentence.append(known if often[place] < OFTEN else fresh[place])
        return sentence
