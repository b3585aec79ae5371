"""Text that people give: its encoding, its lines, and its words as C++ tools see them.

Kaldi's, OpenFst's and NIST's programs split at ASCII blanks only. Python's `str.split`, `strip` and
`splitlines` also split at U+00A0, U+3000, U+2028 and others, so files of words are read with these
functions alone.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.integrity import checked

#: what C's isspace takes for a blank
BLANKS = " \t\n\r\f\v"
#: what Python takes for a blank and C does not
_FOREIGN = "\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
FOREIGN_BLANK = re.compile(f"[{_FOREIGN}]")
_WORD = re.compile(f"[^{BLANKS}]+")
#: a NUL byte, or a carriage return that ends no line
_ODD = re.compile(rb"\0|\r(?!\n|\Z)")
#: the beginning of a character of several bytes
_CUT = re.compile(rb"[\xC2-\xF4][\x80-\xBF]{0,2}")
#: UTF-8's byte order mark
MARK = b"\xef\xbb\xbf"
#: byte order marks of other encodings, longest first
_OTHER_MARKS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
#: encodings of other scripts, by their names in iconv
_EAST_ASIAN = ("GB18030", "BIG5", "SHIFT_JIS", "EUC-JP", "EUC-KR")
_CYRILLIC = ("WINDOWS-1251", "KOI8-R")
#: signs of WINDOWS-1252 and Latin-1 that are no letters
_SIGNS = bytes([0x80, 0x85, *range(0x91, 0x98), 0x99, *range(0xA0, 0xC0)])
_NAMES = {"ISO-8859-1": "Latin-1", "WINDOWS-1252": "Windows-1252", "WINDOWS-1251": "Windows-1251"}
#: lines after the first wrong one, and bytes, from which the encoding is guessed
_MORE, _HEAD = 1000, 1000
#: bytes of text that are checked at once
_GROUP = 1 << 20


def fields(line: str) -> list[str]:
    """The words of a line, split at ASCII blanks."""
    return _WORD.findall(line) if FOREIGN_BLANK.search(line) else line.split()


def first_field(line: str) -> tuple[str, str]:
    """The first word of a line, and what follows it without the blanks around; empty if there is none."""
    line = trimmed(line)
    match = _WORD.match(line)
    end = match.end() if match else 0
    return line[:end], trimmed(line[end:])


def trimmed(line: str) -> str:
    """A line without the ASCII blanks around it."""
    return line.strip(BLANKS)


def check_blanks(line: str, where: str) -> None:
    """Raises UserError for blanks that are not ASCII's, which C++ tools take for parts of words."""
    if odd := FOREIGN_BLANK.search(line):
        message = f"{where}: U+{ord(odd[0]):04X} is no blank to Kaldi's programs"
        raise UserError(f"{message}; replace it by a space, or remove it.")


def file_lines(path: Readable) -> list[str]:
    """The lines of a file, without their ends. Raises UserError as `decoded`, and OSError."""
    return lines_of(decoded(checked(path).read_bytes(), path))


def lines_of(text: str) -> list[str]:
    r"""Lines that end in \n or \r\n, without their ends; the last line may lack its end."""
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def raw_text(data: bytes, path: Readable) -> str:
    """UTF-8 text with all its bytes. Raises UserError as `decoded` for other encodings, and if all
    lines end in carriage returns.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _undecodable(path, 1, data, error.start, 0) from None
    if (at := data.find(b"\0")) >= 0 and _wide(data):
        raise _unreadable(path, 1, data, at)
    if b"\n" not in data.rstrip() and (lone := _ODD.search(data)) and data[lone.start()]:
        raise _unreadable(path, 1, data, lone.start())
    return text


def decoded(data: bytes, path: Readable) -> str:
    """The text of a UTF-8 file without its byte order mark.

    Raises UserError, with the line, the byte, the likely encoding and a command that converts the
    file, for other encodings; also for NUL bytes and for carriage returns that end no line.
    """
    return "".join(decoded_lines([data], path))


def decoded_lines(lines: Iterable[bytes], path: Readable) -> Iterator[str]:
    """As `decoded`, for lines or groups of lines of a file that need not fit in memory."""
    rest, number, seen = iter(lines), 1, 0
    for i, raw in enumerate(rest):
        line = raw if i else raw.removeprefix(MARK)
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            sample = b"".join([line, *islice(rest, _MORE)])
            raise _undecodable(path, number, sample, error.start, seen) from None
        if (b"\0" in line or b"\r" in line) and (odd := _ODD.search(line)):
            sample = b"".join([line, *islice(rest, _MORE)])
            raise _unreadable(path, number, sample, odd.start())
        number, seen = number + raw.count(b"\n"), seen + (not text.isascii())
        yield text


def check_text(path: Path) -> None:
    """Raises UserError as `decoded` for a file of any size, and OSError."""
    with open(path, "rb") as file:
        for _ in decoded_lines(iter(lambda: b"".join(file.readlines(_GROUP)), b""), path):
            pass


def _undecodable(path: Readable, number: int, sample: bytes, at: int, seen: int) -> UserError:
    """The error for a byte that is not UTF-8, at `at` of `sample`, which begins with line `number`.

    seen: lines before it that have characters beyond ASCII.
    """
    where = f"{path}:{number + sample[:at].count(10)}: the byte 0x{sample[at]:02X}"
    if sample.startswith(b"\x1f\x8b"):
        return UserError(f"{where} is not text but gzip's; rename the file so that it ends in .gz.")
    if encoding := _wide(sample):
        return _other_encoding(path, where, [encoding])
    good, bad = _counts(sample)
    if good + seen and _CUT.fullmatch(sample, at):
        return UserError(f"{where} begins a character that is cut off; copy the file again.")
    if 2 * (good + seen) > bad:
        message = f"{where} is not UTF-8, unlike the other characters near it"
        raise UserError(f"{message}; correct that line.")
    return _other_encoding(path, where, _narrow(sample))


def _unreadable(path: Readable, number: int, sample: bytes, at: int) -> UserError:
    """The error for a NUL or a lone carriage return."""
    where = f"{path}:{number + sample[:at].count(10)}:"
    name, new = shlex.quote(str(path)), shlex.quote(f"{path}.utf8")
    if encoding := _wide(sample):
        return _other_encoding(path, f"{where} the byte 0x{sample[at]:02X}", [encoding])
    if sample[at]:
        command = f"tr '\\r' '\\n' < {name} > {new} && mv {new} {name}"
        message = f"{where} a carriage return (0x0D) ends no line, as in old Macintosh files"
        return UserError(f"{message}; convert the file with `{command}`.")
    command = f"tr -d '\\000' < {name} > {new} && mv {new} {name}"
    return UserError(f"{where} a NUL byte (0x00) is not text; remove it with `{command}`.")


def _other_encoding(path: Readable, where: str, likely: list[str]) -> UserError:
    name, new = shlex.quote(str(path)), shlex.quote(f"{path}.utf8")
    convert = f"iconv -f {likely[0]} -t UTF-8"
    if str(path).endswith(".gz"):
        command = f"gunzip -c {name} | {convert} | gzip > {new}"
    else:
        command = f"{convert} {name} > {new}"
    names = " or ".join(_NAMES.get(name, name) for name in likely)
    looks = f"{where} is not UTF-8; the file looks like {names}: "
    looks += "find out which, and then " if len(likely) > 1 else ""
    return UserError(f"{looks}convert it with `{command} && mv {new} {name}`.")


def _wide(sample: bytes) -> str:
    """UTF-16 or UTF-32 by its byte order mark, or by the NULs in ASCII text; else empty."""
    marked = (name for mark, name in _OTHER_MARKS.items() if sample.startswith(mark))
    if name := next(marked, ""):
        return name
    head = sample[:_HEAD]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < max(2, len(head) / 3):
        return ""
    return "UTF-16BE" if even > odd else "UTF-16LE"


def _counts(sample: bytes) -> tuple[int, int]:
    """Characters beyond ASCII that are UTF-8, and bytes that are not."""
    text = sample.decode("utf-8", "surrogateescape")
    bad = sum("\udc80" <= letter <= "\udcff" for letter in text)
    return sum(letter > "\x7f" for letter in text) - bad, bad


def _narrow(sample: bytes) -> list[str]:
    """Encodings of one or two bytes per character in which the text may be, likeliest first."""
    words = [word for word in sample.split() if max(word) > 0x7F]
    letters = b"".join(words).translate(None, _SIGNS)
    share = sum(byte > 0x7F for byte in letters) / max(1, len(letters))
    if share > 0.6 and len(letters) > 3:
        # the letters of Cyrillic are above 0xBF, of the bytes of Chinese about two thirds
        cyrillic = all(byte >= 0xC0 for byte in b"".join(words) if byte > 0x7F)
        names = _CYRILLIC if cyrillic else (*_EAST_ASIAN, *_CYRILLIC)
        return [name for name in names if _reads(name, b"\n".join(words))]
    # WINDOWS-1252 has the letters of Latin-1 and, from 0x80 to 0x9F, others
    windows = _reads("WINDOWS-1252", sample) and any(0x80 <= byte < 0xA0 for byte in sample)
    return ["WINDOWS-1252"] if windows else ["ISO-8859-1"]


def _reads(encoding: str, sample: bytes) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
