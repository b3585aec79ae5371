"""The exception that users see, and phrases that its messages share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_FEW = 5  # items that a message names; further ones are only counted


class UserError(Exception):
    """A problem that the user can fix: one sentence that says what, where and how.

    The command line prints it and exits with a non-zero status.
    """


def counted(items: Iterable[object], one: str, many: str | None = None) -> str:
    """The number of `items` with its noun: "1 utterance", "3 utterances"."""
    number = len(list(items))
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(words: Sequence[str], last: str) -> str:
    """Words with `last` before the last one: "keep, budget or strength"; a single one alone."""
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def first_few(items: Iterable[str]) -> str:
    """The first five of `items` and the number of the others: "a, b, c, d, e and 7 more"."""
    every = list(items)
    text = ", ".join(every[:_FEW])
    return f"{text} and {len(every) - _FEW} more" if len(every) > _FEW else text


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """The end of a sentence on a word: `; did you mean ...?` if a known one is similar, otherwise the
    known words.
    """
    if close := difflib.get_close_matches(word, known, n=1, cutoff=0.5):
        return f"; did you mean {close[0]!r}?"
    return f" (known here: {', '.join(known)})." if known else "."
