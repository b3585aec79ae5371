"""Sentences in the trn format of NIST's sclite: the words, then the utterance in parentheses."""

from __future__ import annotations

import logging
import re
from collections.abc import Container, Iterable, Sequence

log = logging.getLogger(__name__)

#: words that sclite reads as alternatives, optional words, no word, tags, or without a letter
_MARKUP = re.compile(r"[{}();\\]|^[@/]$|.\*$")


def trn_id(utterance: str, speaker: str) -> str:
    """The utterance's name in a form from which sclite (-i spu_id) can read the speaker.

    sclite takes what stands before the first - or _; in a speaker's name these become dots.
    """
    if re.match(rf"{re.escape(speaker)}[-_]", utterance) and not re.search("[-_]", speaker):
        return utterance
    return f"{re.sub('[-_]', '.', speaker)}-{utterance}"


def trn(sentences: Iterable[tuple[str, str, Sequence[str]]], marked: Container[str] = ()) -> str:
    """Lines of a trn file from (utterance, speaker, words).

    marked: utterances in which sclite's markup is meant as such; warns of markup in others.
    """
    lines: list[str] = []
    odd: set[str] = set()
    for utterance, speaker, words in sentences:
        odd.update(word for word in words if utterance not in marked and _MARKUP.search(word))
        lines.append(" ".join([*words, f"({trn_id(utterance, speaker)})"]) + "\n")
    if odd:
        text = "sclite reads %r (%d such words) as markup; change it with score.normalise"
        log.warning(text, min(odd), len(odd))
    return "".join(lines)
