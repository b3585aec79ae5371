"""Preparation of words for scoring: normalisation, then merging of equivalent words."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence

from asr_prune.corpus.spelling import cleaned, without_noises, without_punctuation
from asr_prune.errors import UserError
from asr_prune.score.alternatives import Reference, mapped, parse
from asr_prune.score.options import ScoreOptions
from asr_prune.text import fields


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _split_hyphens(text: str) -> str:
    return text.replace("-", " ")


_STEPS: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "clean": cleaned,
    "no_punctuation": without_punctuation,
    "no_noise": without_noises,
    "split_hyphens": _split_hyphens,
    "nfkc": _nfkc,
}


def normalise(words: Sequence[str], steps: Sequence[str]) -> list[str]:
    """`words` after `steps` in order, split at ASCII blanks.

    Transcripts of the recipe hf went through clean, no_noise, no_punctuation and upper or lower.
    """
    text = " ".join(words)
    for step in steps:
        text = _STEPS[step](text)
    return fields(text)


def reference(utterance: str, words: Sequence[str], options: ScoreOptions) -> Reference:
    """The words of a reference normalised, with sclite's markup read if `score.markup` says so.

    Raises UserError as `parse`.
    """
    parts = parse(" ".join(words), utterance) if options.markup == "sclite" else tuple(words)
    return mapped(parts, lambda run: normalise(run, options.normalise))


def representatives(options: ScoreOptions) -> dict[str, str]:
    """Maps every word of a class of equivalents to the first of its class, all normalised.

    Words that normalisation removes are left out. Raises UserError if it makes several of one, or
    two classes share a word.
    """
    first: dict[str, str] = {}
    for members in options.equivalents:
        words = [word for member in members for word in _one_word(member, options.normalise)]
        if twice := [word for word in words if word in first]:
            what = f"{twice[0]!r} is in two classes after score.normalise"
            raise UserError(f"score.equivalents: {what}; join them, or change score.normalise.")
        first.update(dict.fromkeys(words, words[0]) if words else {})
    return first


def _one_word(member: str, steps: Sequence[str]) -> list[str]:
    words = normalise([member], steps)
    if len(words) > 1:
        what = f"{member!r} is {len(words)} words after score.normalise"
        raise UserError(f"score.equivalents: {what}; remove it, or change score.normalise.")
    return words


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
