"""Damage to files: each mutator takes a file's bytes and a generator of random numbers and returns other bytes."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Mutator = Callable[[bytes, Random], bytes]

#: what stands in a field by mistake, by other programs' habits, or by malice
HOSTILE = (
    b"nan", b"inf", b"-inf", b"-1", b"0", b"1e400", b"1" * 30, b"-1.2e-005", b"", b"\x00", b"a\x00b",
    "\u2028".encode(), "\u00a0".encode(), "\u3000".encode(), b"caf\xe9", b"\xff\xfe", b"\x1b[2J", b"\x85", b"..",
    b"/dev/zero", b"NA", b"null", b"NO", b"[0:3]", b"#", b"<eps>", b"#0", b"$(reboot)", b"a|", b"*", b"\\",
)  # fmt: skip


def flip_bit(content: bytes, dice: Random) -> bytes:
    """One bit of one byte."""
    place = dice.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << dice.randrange(8)]) + content[place + 1 :]


def flip_early(content: bytes, dice: Random) -> bytes:
    """One byte among the first 64, where headers are."""
    place = dice.randrange(min(64, len(content)))
    return content[:place] + bytes([dice.randrange(256)]) + content[place + 1 :]


def cut(content: bytes, dice: Random) -> bytes:
    """The end is missing."""
    return content[: dice.randrange(len(content))]


def hole(content: bytes, dice: Random) -> bytes:
    """A stretch is missing."""
    first, last = _stretch(content, dice)
    return content[:first] + content[last:]


def zeros(content: bytes, dice: Random) -> bytes:
    """A stretch is zero, as after a crash of the file system."""
    first, last = _stretch(content, dice)
    return content[:first] + bytes(last - first) + content[last:]


def twice(content: bytes, dice: Random) -> bytes:
    """A stretch is there twice."""
    first, last = _stretch(content, dice)
    return content[:last] + content[first:]


def noise(content: bytes, dice: Random) -> bytes:
    """Random bytes are inserted."""
    place = dice.randrange(len(content) + 1)
    return content[:place] + dice.randbytes(dice.randint(1, 40)) + content[place:]


def tail(content: bytes, dice: Random) -> bytes:
    """Random bytes follow the end."""
    return content + dice.randbytes(dice.randint(1, 40))


def large_count(content: bytes, dice: Random) -> bytes:
    """Four bytes of a count are the largest or a negative one."""
    place = dice.randrange(max(1, min(400, len(content) - 4)))
    count = dice.choice((b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80"))
    return content[:place] + count + content[place + 4 :]


def empty(content: bytes, dice: Random) -> bytes:
    """Nothing is left."""
    return b""


def _stretch(content: bytes, dice: Random) -> tuple[int, int]:
    first = dice.randrange(len(content))
    return first, min(len(content), first + dice.choice((1, 4, 40, 400)))


def hostile_field(content: bytes, dice: Random) -> bytes:
    """One field of one line is another."""
    return _edited(content, dice, lambda fields, place: [*fields[:place], dice.choice(HOSTILE), *fields[place + 1 :]])


def more_fields(content: bytes, dice: Random) -> bytes:
    """One line has one field more."""
    return _edited(content, dice, lambda fields, place: [*fields[:place], dice.choice(HOSTILE), *fields[place:]])


def fewer_fields(content: bytes, dice: Random) -> bytes:
    """One line has one field less."""
    return _edited(content, dice, lambda fields, place: [*fields[:place], *fields[place + 1 :]])


def _edited(content: bytes, dice: Random, edit: Callable[[list[bytes], int], list[bytes]]) -> bytes:
    lines = content.split(b"\n")
    chosen = dice.randrange(len(lines))
    fields = lines[chosen].split(b" ")
    lines[chosen] = b" ".join(edit(fields, dice.randrange(len(fields))))
    return b"\n".join(lines)


def lost_line(content: bytes, dice: Random) -> bytes:
    """One line is missing."""
    lines = content.split(b"\n")
    del lines[dice.randrange(len(lines))]
    return b"\n".join(lines)


def doubled_line(content: bytes, dice: Random) -> bytes:
    """One line stands twice, somewhere."""
    lines = content.split(b"\n")
    lines.insert(dice.randrange(len(lines)), dice.choice(lines))
    return b"\n".join(lines)


def shuffled(content: bytes, dice: Random) -> bytes:
    """Lines in another order."""
    lines = content.splitlines(keepends=True)
    return b"".join(dice.sample(lines, len(lines)))


def carriage_returns(content: bytes, dice: Random) -> bytes:
    """Lines end as in Windows."""
    return content.replace(b"\n", b"\r\n")


def other_encoding(content: bytes, dice: Random) -> bytes:
    """UTF-16, Latin-1 with an accent, or a byte order mark."""
    text = content.decode("utf-8", "replace")
    latin = text.replace("O", "\u00d3").replace("l", "\u00e9", 3).encode("latin-1", "replace")
    return dice.choice((text.encode("utf-16"), latin, b"\xef\xbb\xbf" + content))


def last_newline(content: bytes, dice: Random) -> bytes:
    """The last line has no newline."""
    return content.rstrip(b"\n")


ANY: tuple[Mutator, ...] = (flip_bit, flip_bit, flip_early, cut, hole, zeros, twice, noise, tail, large_count, empty)
TEXT: tuple[Mutator, ...] = (
    flip_bit, cut, hole, zeros, noise, empty, hostile_field, hostile_field, hostile_field, more_fields, fewer_fields,
    lost_line, doubled_line, shuffled, carriage_returns, other_encoding, last_newline,
)  # fmt: skip


def damaged(content: bytes, text: bool, dice: Random) -> tuple[str, bytes]:
    """The name of a mutator and what it made of `content`, which is other bytes."""
    while True:
        mutator = dice.choice(TEXT if text else ANY)
        if (result := mutator(content, dice) if content else b"x") != content:
            return mutator.__name__, result
