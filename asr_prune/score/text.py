"""Preparation of words for scoring: normalisation, then merging of equivalent words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from asr_prune.score.alternatives import Reference, mapped, parse
from asr_prune.score.options import ScoreOptions

#: single quotation marks, opening and closing; the closing one is also the apostrophe of print
_QUOTES = "\u2018\u2019"
#: to the ASCII apostrophe: those quotation marks, the modifier letter, the full-width form
_APOSTROPHES = str.maketrans(dict.fromkeys(f"{_QUOTES}\u201b\u02bc\uff07", "'"))
_NOISE = re.compile(r"<[^<>]*>|\[[^\[\]]*\]")


def _no_punctuation(word: str) -> str:
    """Keeps apostrophes, which distinguish words (WE'LL, WELL), all as '; a quoted word is bare."""
    if len(word) > 1 and word[0] in _QUOTES and word[-1] == _QUOTES[1]:
        word = word[1:-1]
    word = word.translate(_APOSTROPHES)
    return "".join(c for c in word if c == "'" or not unicodedata.category(c).startswith("P"))


def _no_noise(word: str) -> str:
    return "" if _NOISE.fullmatch(word) else word


def _nfkc(word: str) -> str:
    return unicodedata.normalize("NFKC", word)


def _split_hyphens(word: str) -> str:
    return word.replace("-", " ")


_STEPS: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "no_punctuation": _no_punctuation,
    "no_noise": _no_noise,
    "split_hyphens": _split_hyphens,
    "nfkc": _nfkc,
}


def normalise(words: Sequence[str], steps: Sequence[str]) -> list[str]:
    """`words` after `steps` in order, split at whitespace; words left empty are dropped."""
    normalised = " ".join(words).split()
    for step in steps:
        normalised = " ".join(map(_STEPS[step], normalised)).split()
    return normalised


def reference(utterance: str, words: Sequence[str], options: ScoreOptions) -> Reference:
    """The words of a reference normalised, with sclite's markup read if `score.markup` says so.

    Raises UserError as `parse`.
    """
    parts = parse(" ".join(words), utterance) if options.markup == "sclite" else tuple(words)
    return mapped(parts, lambda run: normalise(run, options.normalise))


def representatives(options: ScoreOptions) -> dict[str, str]:
    """Maps every word of a class of equivalents to the first of its class, all normalised."""
    first: dict[str, str] = {}
    for members in options.equivalents:
        words = normalise(members, options.normalise)
        first.update(dict.fromkeys(words, words[0]))
    return first


def merge(words: Sequence[str], same: Mapping[str, str]) -> list[str]:
    """`words` with each word of a class of equivalents replaced by the first of its class.

    same: from `representatives`. Merging never adds errors: any alignment of the words is an
    alignment of the merged words at no higher cost.
    """
    return [same.get(word, word) for word in words]


def merge_markup(words: Sequence[str], same: Mapping[str, str]) -> list[str]:
    """`merge` of a reference with sclite's markup: (WORD) becomes the first of WORD's class in parentheses."""
    merged = []
    for word in words:
        inner = word[1:-1]
        merged.append(f"({same[inner]})" if word == f"({inner})" and inner in same else same.get(word, word))
    return merged
