"""Preparation of words for scoring: normalisation, then merging of equivalent words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from asr_prune.score.options import ScoreOptions
from asr_prune.text import fields

_NOISE = re.compile(r"<[^<>]*>|\[[^\[\]]*\]")


def _no_punctuation(word: str) -> str:
    """Keeps apostrophes, which distinguish words (WE'LL, WELL)."""
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
    """`words` after `steps` in order, split at ASCII blanks; words left empty are dropped."""
    normalised = fields(" ".join(words))
    for step in steps:
        normalised = fields(" ".join(map(_STEPS[step], normalised)))
    return normalised


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
