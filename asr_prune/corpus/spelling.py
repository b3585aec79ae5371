"""Spelling of transcripts: invisible characters, apostrophes, noises in brackets, punctuation."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

#: letters that render as nothing, or only choose between glyphs; their category is not Cf
_IGNORABLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
#: forms of the apostrophe: everywhere, and those that are quotation marks unless between letters
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2019\u02bc\uff07", "'"))
_QUOTES = re.compile(r"(?<=[^\W\d_])[\u2018\u201b`\u00b4](?=[^\W\d_])")
#: a noise: up to 40 characters in <>, [] or {}, and one word of three letters or more in ()
_NOISE = re.compile(
    r"<[^<>\s](?:[^<>]{0,38}[^<>\s])?>|\[[^\[\]]{0,40}\]|\{[^{}]{0,40}\}"
    r"|(?<![\w(])\(\s*[^\s()\d]{3,40}\s*\)(?![\w)])"
)
#: letters of an alphabet at most; scripts with more have rare signs by nature
_ALPHABET = 200
_RARE, _FOREIGN = 1e-4, 0.05  # shares of a letter, and of a script, among all letters


def cleaned(text: str) -> str:
    """`text` composed (NFC), without characters that are not seen, and with one apostrophe.

    Format characters (category Cf: zero-width characters, soft hyphens, byte order marks) and
    variation selectors are removed, control characters and lone surrogates become blanks. U+2019,
    U+02BC and U+FF07 become `'`, as do U+2018, U+201B, U+0060 and U+00B4 between letters.
    """
    seen = "".join(map(_seen, _IGNORABLE.sub("", text)))
    return _QUOTES.sub("'", unicodedata.normalize("NFC", seen).translate(_APOSTROPHES))


def _seen(character: str) -> str:
    kind = unicodedata.category(character)
    return "" if kind == "Cf" else " " if kind in ("Cc", "Cs") else character


def noises(text: str) -> list[str]:
    """The noises in `text`: [laughter], <noise>, {breath}, (cough); spaces in them become `_`."""
    return [_one_word(found) for found in _NOISE.findall(text)]


def without_noises(text: str) -> str:
    """`text` with a blank for each of its noises."""
    return _NOISE.sub(" ", text)


def replace_noises(text: str, word: str = "") -> str:
    """`text` with `word` for each of its noises; empty: the noise as one word, as by `noises`."""
    return _NOISE.sub(lambda noise: f" {word or _one_word(noise.group())} ", text)


def is_noise(word: str) -> bool:
    """Whether `word` as a whole is a noise without blanks."""
    return bool(_NOISE.fullmatch(word)) and len(word.split()) == 1


def _one_word(noise: str) -> str:
    return "_".join(noise.split())


def without_punctuation(text: str) -> str:
    """`cleaned` text with a blank for each punctuation mark and symbol, except in noises.

    Apostrophes inside words stay: they distinguish WE'LL and WELL.
    """
    text, last, parts = cleaned(text), 0, list[str]()
    for noise in _NOISE.finditer(text):
        parts += [_bare(text[last : noise.start()]), noise.group()]
        last = noise.end()
    return " ".join([*parts, _bare(text[last:])])


def _bare(text: str) -> str:
    marks = (" " if unicodedata.category(c)[0] in "PS" and c != "'" else c for c in text)
    return " ".join(filter(None, (word.strip("'") for word in "".join(marks).split())))


def has_number(word: str) -> bool:
    """Whether a character of `word` is a digit or another number (category N)."""
    return any(unicodedata.category(character)[0] == "N" for character in word)


def count_letters(words: Iterable[str]) -> Counter[str]:
    """How often each letter (categories L, M and Co) occurs in `words`."""
    counts = Counter(character for word in words for character in word)
    kinds = ("L", "M", "Co")
    return Counter({c: n for c, n in counts.items() if unicodedata.category(c).startswith(kinds)})


def alphabet(letters: Mapping[str, int]) -> set[str]:
    """The letters of the bulk of a text, from its `count_letters`.

    Left out are letters of scripts with less than one letter in twenty, and in alphabets (of at
    most 200 letters) those with less than one in ten thousand.
    """
    total, scripts = sum(letters.values()), Counter[str]()
    for letter, count in letters.items():
        scripts[_script(letter)] += count
    bulk = {letter for letter in letters if scripts[_script(letter)] >= _FOREIGN * total}
    if len(bulk) > _ALPHABET:
        return bulk
    return {letter for letter in bulk if letters[letter] >= _RARE * total}


def _script(letter: str) -> str:
    """The first word of the character's name, LATIN or CYRILLIC; marks are of no script."""
    return "" if unicodedata.category(letter)[0] == "M" else unicodedata.name(letter, "?").split()[0]
