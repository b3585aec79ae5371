"""How many things are told in one sentence."""

from __future__ import annotations

from collections.abc import Iterable

#: examples told before the rest is only counted
EXAMPLES = 5


def examples(items: Iterable[str]) -> str:
    """The first five of `items`, and how many more there are: "a, b, c, d, e and 7 more"."""
    found = list(items)
    told = ", ".join(found[:EXAMPLES])
    return f"{told} and {len(found) - EXAMPLES} more" if len(found) > EXAMPLES else told


def counted(items: Iterable[object], one: str, many: str | None = None) -> str:
    """How many `items`, in words: "1 utterance", "3 utterances"."""
    number = len(list(items))
    return f"{number} {one if number == 1 else many or one + 's'}"
