"""Counts that a corpus is known to have, held against what was found."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from asr_prune.errors import UserError

log = logging.getLogger(__name__)


def expect(where: str, found: Mapping[str, int], known: Mapping[str, int], whole: bool = True) -> None:
    """Compares `found` with `known`, both {what is counted: how many}, for the keys of `known`.

    where: the corpus's folder and name. Raises UserError naming every difference; with whole=False they are only told.
    """
    odd = [f"{found.get(what, 0)} {what} where there are {count}" for what, count in known.items()]
    odd = [told for told, what in zip(odd, known, strict=True) if found.get(what, 0) != known[what]]
    if not odd:
        return
    if whole:
        mend = "copy the corpus again, or set corpus.options.whole=false to go on with a part of it"
        raise UserError(f"{where}: found {', '.join(odd)}; {mend}.")
    log.warning("%s: a part only, %s", where, ", ".join(odd))
