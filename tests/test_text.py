"""Text of people: every encoding is named, its advice works, and words are what C takes for words."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.text import (
    BLANKS,
    FOREIGN_BLANK,
    check_text,
    decoded,
    decoded_lines,
    fields,
    file_lines,
    first_field,
    lines_of,
    trimmed,
)

NAME = Path("some words.txt")
FOREIGN = "".join(chr(i) for i in range(0x3001) if chr(i).isspace() and chr(i) not in BLANKS)
lines = st.text(st.sampled_from(f"ab{BLANKS}\x00é{FOREIGN}"))

needs_iconv = pytest.mark.skipif(not shutil.which("iconv"), reason="iconv is not installed")


@given(lines | st.text())
def test_words_are_those_that_c_splits(line: str) -> None:
    expected = [word.decode() for word in line.encode("utf-8", "replace").split()]
    line = line.encode("utf-8", "replace").decode()
    assert fields(line) == expected
    assert trimmed(line) == line.encode().strip().decode()
    assert first_field(line)[0] == (expected[0] if expected else "")
    assert fields(" ".join(first_field(line))) == expected


def test_what_python_alone_splits_at_is_known() -> None:
    assert all(FOREIGN_BLANK.fullmatch(blank) for blank in FOREIGN)
    assert not any(map(FOREIGN_BLANK.search, f"{BLANKS}aé\u200b\u2060"))


@given(st.lists(st.text(st.sampled_from(f"ab \t{FOREIGN}"))), st.sampled_from(["\n", "\r\n"]))
def test_lines_end_as_in_c(written: list[str], end: str) -> None:
    assert lines_of("".join(f"{line}{end}" for line in written)) == written


pieces = st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\0", b"\xe9", "é".encode(), b"\xff\xfe"])).map(b"".join)


@given(st.binary() | pieces)
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    try:
        expected = data.removeprefix(b"\xef\xbb\xbf").decode()
        valid = "\0" not in expected and "\r" not in expected.replace("\r\n", "\n").removesuffix("\r")
    except UnicodeDecodeError:
        valid = False
    for parts in ([data], io.BytesIO(data)):
        if valid:
            assert "".join(decoded_lines(parts, NAME)) == expected
            continue
        with pytest.raises(UserError) as error:
            list(decoded_lines(parts, NAME))
        assert str(error.value).startswith(f"{NAME}:")
        assert "\n" not in str(error.value)


TEXTS = {
    "ISO-8859-1": "A AH\nCAFÉ K AE\n",
    "WINDOWS-1252": "“A” AH\nCAFÉ K AE\n",
    "UTF-16": "A AH\nCAFÉ K AE\n",
    "UTF-16LE": "A AH\nCAFÉ K AE\n",
    "UTF-16BE": "A AH\nCAFÉ K AE\n",
    "UTF-32": "A AH\n",
    "GB18030": "你好 n i h ao\n世界 sh i j ie\n",
    "WINDOWS-1251": "ПРИВЕТ P R I\nМИРЪ M I R\n",
}


@needs_iconv
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("encoding", TEXTS)
def test_the_advice_converts_the_file(tmp_path: Path, encoding: str, packed: bool) -> None:
    path = tmp_path / ("it's mine.txt.gz" if packed else "it's mine.txt")
    data = TEXTS[encoding].encode(encoding)
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(UserError) as error:
        decoded(data, path)
    assert str(error.value).startswith(f"{path}:")
    command = str(error.value).split("`")[1]
    assert ("find out which" in str(error.value)) == (encoding in ("GB18030", "WINDOWS-1251"))
    subprocess.run(command, shell=True, check=True)
    data = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    assert decoded(data, path) == TEXTS[encoding]


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"A AH\nCAF\xe9 K\n", 2, ["0xE9", "Latin-1", "iconv"]),
        (b"A\nB\nna\x93ve caf\xe9 the others are ASCII\n", 3, ["0x93", "Windows-1252"]),
        ("é\nü\n".encode() + b"one b\xe9d line\n", 3, ["0xE9", "correct that line"]),
        ("é\nü\n".encode() + b"cut \xc3", 3, ["0xC3", "cut off", "copy"]),
        (b"\x1f\x8b\x08\x00\x00", 1, ["0x8B", ".gz"]),
        (b"A AH\nB\0C D EH\n", 2, ["0x00", "tr -d"]),
        (b"A AH\rB IY\r", 1, ["0x0D", "tr '\\r' '\\n'"]),
    ],
)
def test_the_line_and_the_byte_are_named(data: bytes, line: int, words: list[str]) -> None:
    for parts in ([data], io.BytesIO(data)):
        with pytest.raises(UserError) as error:
            list(decoded_lines(parts, NAME))
        assert str(error.value).startswith(f"{NAME}:{line}:")
        assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize("data", [b"A AH\nB\0C D EH EH EH\n", b"A AH\rB IY\r"])
def test_advice_for_single_bytes_works(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a b"
    path.write_bytes(data)
    with pytest.raises(UserError) as error:
        file_lines(path)
    subprocess.run(str(error.value).split("`")[1], shell=True, check=True)
    assert file_lines(path) in (["A AH", "BC D EH EH EH"], ["A AH", "B IY"])


@given(st.integers(0, 40))
def test_groups_of_lines_are_numbered_as_lines(before: int) -> None:
    lines = [*[b"A AH\n"] * before, b"CAF\xe9 K\n", b"B IY\n"]
    for size in (1, 3, 100):
        groups = [b"".join(lines[i : i + size]) for i in range(0, len(lines), size)]
        with pytest.raises(UserError, match=f":{before + 1}: the byte 0xE9"):
            list(decoded_lines(groups, NAME))


def test_files_of_any_size_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    path.write_bytes(b"A AH\r\n" * 400_000)
    check_text(path)
    path.write_bytes(path.read_bytes() + b"B \0\n")
    with pytest.raises(UserError, match=r"large.txt:400001: a NUL byte"):
        check_text(path)


def test_a_byte_order_mark_is_no_text() -> None:
    assert decoded("\ufeffA\ufeff\n".encode(), NAME) == "A\ufeff\n"
    assert list(decoded_lines([b"\xef\xbb\xbfA\n", b"B\n"], NAME)) == ["A\n", "B\n"]
