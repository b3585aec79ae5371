"""What is said of utterances whose search did not end."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from asr_prune.errors import counted

log = logging.getLogger(__name__)


def warn_unfinished(utterances: Sequence[str], setting: str = "decode.beam") -> None:
    """Logs how many utterances reached no final state, and the first five.

    setting: of the recipe that is the beam of the search, empty if none is.
    """
    if utterances:
        text = "%s reached no final state, partial words kept: %s%s"
        remedy = f"; widen {setting}" if setting else ""
        log.warning(text, counted(utterances, "utterance"), " ".join(sorted(utterances)[:5]), remedy)
