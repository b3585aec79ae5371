"""What happens to words before they are compared: normalisation, then classes of equivalent words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from asr_prune.score.options import ScoreOptions

_NOISE = re.compile(r"<[^<>]*>|\[[^\[\]]*\]")


def _no_punctuation(word: str) -> str:
    """Apostrophes stay: they tell words apart (WE'LL, WELL)."""
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
    """`words` after `steps` in their order, split at any space before and after each; a word of which nothing is left
    is dropped.
    """
    changed = " ".join(words).split()
    for step in steps:
        changed = " ".join(map(_STEPS[step], changed)).split()
    return changed


def classes(options: ScoreOptions) -> dict[str, str]:
    """Every member of a class of equivalents -> its first member, all of them normalised as the text is."""
    found: dict[str, str] = {}
    for members in options.equivalents:
        words = normalise(members, options.normalise)
        found.update(dict.fromkeys(words, words[0]))
    return found


def merge(words: Sequence[str], same: Mapping[str, str]) -> list[str]:
    """`words` with each member of a class replaced by the first of it.

    Merging never adds errors: an alignment of the words is one of the merged words, at no higher cost.
    """
    return [same.get(word, word) for word in words]
