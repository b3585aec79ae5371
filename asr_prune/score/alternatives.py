"""References with the markup of NIST's sclite: `{ a / b c / @ }` and `(WORD)`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from asr_prune.errors import UserError
from asr_prune.text import fields

#: no word, as an alternative
NOTHING = "@"
_OPTIONAL = re.compile(r"\(([^()\s]+)\)")


@dataclass(frozen=True)
class Optional:
    """A word that may be left out."""

    word: str


@dataclass(frozen=True)
class Choice:
    """Alternatives, each a sequence of parts, empty for `@`."""

    alternatives: tuple[Reference, ...]


Piece = str | Optional | Choice
Reference = tuple[Piece, ...]


def parse(text: str, where: str) -> Reference:
    """The parts of a reference.

    `{...}` without a stroke is no markup, nor are `/` and `@` outside of alternatives. where: the
    utterance, for messages. Raises UserError if a brace has no counterpart.
    """
    parts: list[Piece] = []
    words, at = "", 0
    while (start := text.find("{", at)) >= 0 and (end := _closing(text, start)) > 0:
        words += _paired(text[at:start], where)
        if "/" in (inner := text[start + 1 : end]):
            parts += _words(words)
            parts.append(Choice(tuple(_alternative(each, where) for each in _split(inner))))
            words = ""
        else:
            words += text[start : end + 1]
        at = end + 1
    return (*parts, *_words(words + _paired(text[at:], where)))


def _closing(text: str, start: int) -> int:
    """The place of the brace that closes the one at `start`, 0 if there is none."""
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == "{") - (text[at] == "}")
        if not depth:
            return at
    return 0


def _split(inner: str) -> list[str]:
    """The alternatives between two braces, at the strokes outside of further braces."""
    pieces, depth = [""], 0
    for letter in inner:
        depth += (letter == "{") - (letter == "}")
        if letter == "/" and not depth:
            pieces.append("")
        else:
            pieces[-1] += letter
    return pieces


def _alternative(text: str, where: str) -> Reference:
    if not fields(text):
        raise UserError(
            f"the reference of {where} has an alternative without words; write {NOTHING} for no word, "
            "or set score.markup to none."
        )
    return tuple(part for part in parse(text, where) if part != NOTHING)


def _paired(text: str, where: str) -> str:
    """`text`, which is outside of all pairs of braces. Raises UserError if a brace stands in it by itself."""
    if odd := [word for word in fields(text) if word in ("{", "}")]:
        raise UserError(
            f"the reference of {where} has a {odd[0]} without its counterpart; write alternatives as {{ a / b }}, "
            "or set score.markup to none."
        )
    return text


def _words(text: str) -> list[Piece]:
    matches = [(word, _OPTIONAL.fullmatch(word)) for word in fields(text)]
    return [Optional(match[1]) if match else word for word, match in matches]


def is_plain(parts: Reference) -> bool:
    """Whether there is no markup."""
    return all(isinstance(part, str) for part in parts)


def mapped(parts: Reference, words: Callable[[list[str]], list[str]]) -> Reference:
    """`parts` with `words` applied to each run of words, and to each optional word in parentheses."""
    done: list[Piece] = []
    run: list[str] = []
    for part in parts:
        if isinstance(part, str):
            run.append(part)
            continue
        done += words(run)
        run = []
        if isinstance(part, Optional):
            done += [Optional(word.strip("()")) for word in words([f"({part.word})"])]
        else:
            done.append(Choice(tuple(mapped(each, words) for each in part.alternatives)))
    return (*done, *words(run))


def written(parts: Iterable[Piece]) -> list[str]:
    """The words of a reference with its markup, as sclite reads it."""
    words: list[str] = []
    for part in parts:
        if isinstance(part, str):
            words.append(part)
        elif isinstance(part, Optional):
            words.append(f"({part.word})")
        else:
            inner = " / ".join(" ".join(written(each)) or NOTHING for each in part.alternatives)
            words += ["{", *fields(inner), "}"]
    return words
