"""Blemishes in the bytes of tables: what Kaldi's scripts refuse, and what `fix` removes.

They are looked for before lines are split, since programs split at different blanks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from asr_prune.errors import counted, first_few


class _Blemish(NamedTuple):
    """where: matches it in a line; by: what `fix` puts there."""

    what: str
    where: re.Pattern[str]
    by: str
    refused: bool = True


class Finding(NamedTuple):
    """A blemish of a table.

    problem: what `validate` says; change: what `fix` says; refused: whether `validate` reports it,
    as it does what Kaldi's scripts refuse, or other programs read in another way.
    """

    problem: str
    change: str
    refused: bool


_ENDS = _Blemish("Windows line ends", re.compile(r"\r+$"), "")
_NULLS = _Blemish("null bytes", re.compile("\0"), " ")
_TABS = _Blemish("tabs", re.compile("\t"), " ", refused=False)
_BLANKS = _Blemish("surplus spaces", re.compile("^ +| +$|(?<= ) +"), "", refused=False)
#: of an scp file, in whose paths several spaces may follow each other
_SCP_BLANKS = (
    _BLANKS._replace(where=re.compile("^ +| +$")),
    _BLANKS._replace(where=re.compile(r"^(\S+)  +"), by=r"\1 "),
)

_MARK = Finding("begins with a byte order mark", "removed the byte order mark", True)
_NO_NEWLINE = Finding("does not end with a newline", "added the last newline", True)


def clean_table(name: str, content: str) -> tuple[str, list[Finding]]:
    """The content of the table `name` without blemishes, and those that it had, in this order.

    A byte order mark, Windows line ends, null bytes; in `text`, control characters and Unicode
    blanks, as validate_data_dir.sh and validate_text.pl refuse them; tabs and surplus spaces; no
    newline at the end.
    """
    content, mark = _without_mark(content)
    content, ends = _removed((_ENDS, _NULLS), content)
    content, odd = _removed(_unprintable(name, content), content)
    content, blanks = _removed((_TABS, *(_SCP_BLANKS if name.endswith(".scp") else (_BLANKS,))), content)
    last = [_NO_NEWLINE] if content and not content.endswith("\n") else []
    return content + "\n" * len(last), [*mark, *ends, *odd, *blanks, *last]


def _without_mark(content: str) -> tuple[str, list[Finding]]:
    return content.removeprefix("\ufeff"), [_MARK] if content.startswith("\ufeff") else []


def _removed(blemishes: Iterable[_Blemish], content: str) -> tuple[str, list[Finding]]:
    findings = []
    for blemish in blemishes:
        lines = content.split("\n")
        mended = [blemish.where.sub(blemish.by, line) for line in lines]
        odd = [str(at) for at, (old, new) in enumerate(zip(lines, mended, strict=True), 1) if old != new]
        if odd:
            content = "\n".join(mended)
            findings.append(_finding(blemish, odd))
    return content, findings


def _finding(blemish: _Blemish, lines: list[str]) -> Finding:
    where = f"line {lines[0]}" if len(lines) == 1 else f"{counted(lines, 'line')}: {first_few(lines)}"
    verb = f"replaced {blemish.what} by spaces" if blemish.by == " " else f"removed {blemish.what}"
    return Finding(f"has {blemish.what} in {where}", f"{verb} in {where}", blemish.refused)


def _unprintable(name: str, content: str) -> Iterator[_Blemish]:
    if name == "text" and (odd := sorted(filter(_is_unprintable, set(content) - {"\0"}))):
        codes = first_few(f"U+{ord(character):04X}" for character in odd)
        what = f"control characters or Unicode blanks ({codes})"
        yield _Blemish(what, re.compile(f"[{re.escape(''.join(odd))}]"), " ")


def _is_unprintable(character: str) -> bool:
    """As grep's [^[:print:][:space:]] and the blanks that validate_text.pl refuses."""
    return character not in "\t\n " and unicodedata.category(character) in (
        "Cc",
        "Cn",
        "Zs",
        "Zl",
        "Zp",
    )
