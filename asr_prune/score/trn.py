"""Sentences as NIST's sclite reads them: the words, then the utterance in brackets."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence

log = logging.getLogger(__name__)

#: what sclite takes for alternatives, optional words, no word at all or a comment
_MARK = re.compile(r"[{}()]|^[@/]$|^;;")


def trn_id(utterance: str, speaker: str) -> str:
    """A name from which sclite (-i spu_id) tells the speaker: up to the first - or _, in place of which the speaker's
    own name gets a dot.
    """
    if re.match(rf"{re.escape(speaker)}[-_]", utterance) and not re.search("[-_]", speaker):
        return utterance
    return f"{re.sub('[-_]', '.', speaker)}-{utterance}"


def trn(sentences: Iterable[tuple[str, str, Sequence[str]]]) -> str:
    """Lines of a trn file from (utterance, speaker, words); warns of words that sclite would take for its marks."""
    lines: list[str] = []
    odd: set[str] = set()
    for utterance, speaker, words in sentences:
        odd.update(word for word in words if _MARK.search(word))
        lines.append(" ".join([*words, f"({trn_id(utterance, speaker)})"]) + "\n")
    if odd:
        says = "sclite would take %r (%d such words) for a mark of its own; score.normalise can change it"
        log.warning(says, min(odd), len(odd))
    return "".join(lines)
