"""Reading and writing Kaldi's text and binary encodings of tokens, numbers, vectors and matrices.

After io-funcs.h and kaldi-matrix.cc.
"""

from __future__ import annotations

import struct

import numpy as np

from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.integrity import checked
from asr_prune.layout import made_by
from asr_prune.text import fields

BINARY = b"\0B"


class KaldiWriter:
    """Collects the bytes of one Kaldi object, binary or text."""

    def __init__(self, binary: bool) -> None:
        self.binary = binary
        self.data = bytearray(BINARY if binary else b"")

    def token(self, token: str, line: bool = False) -> None:
        """A token; with `line`, a text line ends after it."""
        self.data += f"{token} ".encode()
        if line:
            self.newline()

    def newline(self) -> None:
        if not self.binary:
            self.data += b"\n"

    def integer(self, value: int) -> None:
        self.data += b"\4" + struct.pack("<i", value) if self.binary else f"{value} ".encode()

    def real(self, value: float) -> None:
        binary = b"\4" + struct.pack("<f", value)
        self.data += binary if self.binary else f"{_text(value)} ".encode()

    def ints(self, values: list[int]) -> None:
        """A vector of integers (WriteIntegerVector)."""
        if self.binary:
            self.integer(len(values))
            self.data += np.asarray(values, "<i4").tobytes()
        else:
            self.data += f"[ {''.join(f'{v} ' for v in values)}]\n".encode()

    def vector(self, values: np.ndarray) -> None:
        """float32 [n]."""
        if self.binary:
            self.token("FV")
            self.integer(len(values))
            self.data += np.asarray(values, "<f4").tobytes()
        else:
            self.data += f" [ {_row(values)}]\n".encode()

    def matrix(self, values: np.ndarray) -> None:
        """float32 [rows, columns]."""
        if self.binary:
            self.token("FM")
            self.integer(values.shape[0])
            self.integer(values.shape[1])
            self.data += np.ascontiguousarray(values, "<f4").tobytes()
        else:
            rows = "".join(f"\n  {_row(row)}" for row in values)
            self.data += f" [{rows}]\n".encode()


def _text(value: float) -> str:
    """The shortest decimal that reads back as the same float32."""
    return str(np.float32(value))


def _row(values: np.ndarray) -> str:
    return "".join(f"{_text(v)} " for v in values)


class KaldiReader:
    """Reads one Kaldi object, binary or text as its first bytes say.

    Methods raise UserError if the data are not what they expect.
    """

    def __init__(self, data: bytes, path: Readable) -> None:
        self.path, self.binary = path, data.startswith(BINARY)
        self.data, self.at = data, len(BINARY) if self.binary else 0

    @classmethod
    def open(cls, path: Readable, stage: str) -> KaldiReader:
        """stage: the one that writes the file. Raises UserError if the file cannot be read."""
        try:
            return cls(checked(path).read_bytes(), path)
        except OSError as error:
            message = f"cannot read {path}: {error.strerror}; {made_by(path, stage)}."
            raise UserError(message) from error

    def fail(self, what: str) -> UserError:
        """The error to raise for data that are not as expected."""
        message = f"{what} at byte {self.at}; the file is damaged or of another kind"
        return UserError(f"{self.path}: {message}.")

    def token(self) -> str:
        """The next token, which ends at whitespace."""
        if not self.binary:
            while self.data[self.at : self.at + 1].isspace():
                self.at += 1
        end = self.at
        while end < len(self.data) and not self.data[end : end + 1].isspace():
            end += 1
        if end == self.at:
            raise self.fail("expected a token, found nothing")
        word = self.data[self.at : end].decode("utf-8", "replace")
        self.at = end + 1
        return word

    def expect(self, *tokens: str) -> str:
        """The next token, which must be one of `tokens`."""
        token = self.token()
        if token not in tokens:
            raise self.fail(f"expected {' or '.join(tokens)}, found {token[:40]!r}")
        return token

    def peek(self) -> str:
        """The next token, without moving on."""
        at, word = self.at, self.token()
        self.at = at
        return word

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        data = self.data[self.at : self.at + count]
        if count < 0 or len(data) < count:
            raise self.fail("the data end too early")
        self.at += count
        return data

    def byte(self, value: int) -> None:
        """The next byte, which must be `value`."""
        if self.take(1)[0] != value:
            raise self.fail(f"expected byte {value}")

    def _sized(self) -> bytes:
        self.byte(4)
        return self.take(4)

    def integer(self) -> int:
        """A whole number of 32 bits."""
        if self.binary:
            return int(struct.unpack("<i", self._sized())[0])
        return self._whole(self._number(self.token()))

    def count(self) -> int:
        """How many items follow: no more than bytes."""
        value = self.integer()
        if not 0 <= value <= len(self.data) - self.at:
            raise self.fail(f"found a count of {value}")
        return value

    def real(self) -> float:
        """A number of single or double precision."""
        if not self.binary:
            return self._number(self.token())
        (size,) = self.take(1)
        if size not in (4, 8):
            raise self.fail("expected a number")
        return float(struct.unpack("<f" if size == 4 else "<d", self.take(size))[0])

    def _whole(self, value: float) -> int:
        """A number of a text file as an integer of 32 bits."""
        if not (value.is_integer() and -(2**31) <= value < 2**31):
            raise self.fail(f"expected a whole number of 32 bits, found {value:g}")
        return int(value)

    def _number(self, word: str) -> float:
        try:
            return float(word)
        except ValueError:
            raise self.fail(f"expected a number, found {word[:40]!r}") from None

    def ints(self) -> list[int]:
        if self.binary:
            count = struct.unpack("<i", self._sized())[0]
            return np.frombuffer(self.take(4 * count), "<i4").tolist()
        return [self._whole(value) for row in self._bracketed() for value in row]

    def vector(self, dtype: type[np.floating] = np.float32) -> np.ndarray:
        """`dtype` [n], whatever the file has."""
        if not self.binary:
            return np.asarray([value for row in self._bracketed() for value in row], dtype)
        stored = {"FV": "<f4", "DV": "<f8"}[self.expect("FV", "DV")]
        return self._array(stored, self.integer(), dtype)

    def matrix(self, dtype: type[np.floating] = np.float32) -> np.ndarray:
        """`dtype` [rows, columns], whatever the file has."""
        if not self.binary:
            rows = self._bracketed()
            if len({len(row) for row in rows}) > 1:
                raise self.fail("the rows of a matrix differ in length")
            return np.asarray(rows, dtype)
        stored = {"FM": "<f4", "DM": "<f8"}[self.expect("FM", "DM")]
        num_rows, columns = self.count(), self.integer()
        if columns < 0:
            raise self.fail(f"found {columns} columns")
        return self._array(stored, num_rows * columns, dtype).reshape(num_rows, columns)

    def symmetric(self) -> np.ndarray:
        """A symmetric matrix float64 [n, n], stored as its lower triangle (SpMatrix)."""
        if self.binary:
            stored = {"FP": "<f4", "DP": "<f8"}[self.expect("FP", "DP")]
            rows = self.count()
            below = self._array(stored, rows * (rows + 1) // 2, np.float64)
        else:
            lines = self._bracketed()
            rows, below = len(lines), np.asarray([value for row in lines for value in row])
            if [len(row) for row in lines] != list(range(1, rows + 1)):
                raise self.fail("found no triangle of a symmetric matrix")
        full = np.zeros((rows, rows))
        full[np.tril_indices(rows)] = below
        return full + np.tril(full, -1).T

    def _array(self, stored: str, count: int, dtype: type[np.floating]) -> np.ndarray:
        data = self.take(np.dtype(stored).itemsize * count)
        with np.errstate(over="ignore"):
            return np.frombuffer(data, stored).astype(dtype)

    def _bracketed(self) -> list[list[float]]:
        """The numbers between [ and ] by line."""
        if self.expect("[", "[]") == "[]":
            return []
        end = self.data.find(b"]", self.at)
        if end < 0:
            raise self.fail("there is no closing ]")
        lines = self.data[self.at : end].decode("utf-8", "replace").split("\n")
        self.at = end + 2
        return [[self._number(word) for word in words] for line in lines if (words := fields(line))]
