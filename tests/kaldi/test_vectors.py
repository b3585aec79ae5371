from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.features.archive import kaldi_io
from asr_prune.kaldi.vectors import read_int_vectors, write_int_vectors

VECTORS = {"ann-1": np.array([3, 1, 2**31 - 1], np.int32), "bob-é": np.array([], np.int32), "cat": np.array([-1], "i4")}


def bytes_of(vectors: dict[str, np.ndarray]) -> bytes:
    """Kaldi's binary archive, number by number: each with its size before it."""
    data = b""
    for key, values in vectors.items():
        data += key.encode() + b" \0B\4" + struct.pack("<i", len(values))
        for value in values:
            data += b"\4" + struct.pack("<i", value)
    return data


def test_the_bytes_are_kaldis_and_the_same_each_time(tmp_path: Path) -> None:
    write_int_vectors(tmp_path / "ali.1.gz", VECTORS.items())
    packed = (tmp_path / "ali.1.gz").read_bytes()
    assert gzip.decompress(packed) == bytes_of(VECTORS)
    write_int_vectors(tmp_path / "ali.2.gz", VECTORS.items())
    assert (tmp_path / "ali.2.gz").read_bytes() == packed


def test_kaldi_io_reads_them(tmp_path: Path) -> None:
    plain = {key: values for key, values in VECTORS.items() if key.isascii()}
    write_int_vectors(tmp_path / "ali.1.gz", plain.items())
    result = dict(kaldi_io.read_vec_int_ark(str(tmp_path / "ali.1.gz")))
    assert {key: own.tolist() for key, own in result.items()} == {key: own.tolist() for key, own in plain.items()}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("text", [False, True])
def test_reads_binary_and_text_gzipped_or_not(tmp_path: Path, pack: type, text: bool) -> None:
    lines = "".join(f"{key} {' '.join(map(str, values))} \n" for key, values in VECTORS.items())
    (tmp_path / "labels").write_bytes(pack(lines.encode() if text else bytes_of(VECTORS)))
    result = read_int_vectors(tmp_path / "labels")
    assert list(result) == list(VECTORS)
    for key, values in result.items():
        assert values.dtype == np.int32
        np.testing.assert_array_equal(values, VECTORS[key])


def test_every_cut_of_a_binary_archive_is_one_sentence(tmp_path: Path) -> None:
    data, path = bytes_of(VECTORS), tmp_path / "labels"
    whole = {len(bytes_of(dict(list(VECTORS.items())[:count]))) for count in range(4)}
    for length in set(range(8, len(data))) - whole:
        path.write_bytes(data[:length])
        with pytest.raises(UserError, match=r"labels: no Kaldi vector of integers at byte \d+"):
            read_int_vectors(path)


def test_a_cut_gzip_is_one_sentence(tmp_path: Path) -> None:
    write_int_vectors(tmp_path / "ali.1.gz", VECTORS.items())
    packed = (tmp_path / "ali.1.gz").read_bytes()
    for length in range(4, len(packed), 5):
        (tmp_path / "ali.1.gz").write_bytes(packed[:length])
        with pytest.raises(UserError, match=r"ali\.1\.gz is truncated or damaged"):
            read_int_vectors(tmp_path / "ali.1.gz")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"ann 1 2\nbob 1 x\n", "labels:2: expected an utterance and integers, not 'bob 1 x'"),
        (b"ann 1 2\n\nbob 1\n", "labels:2: expected an utterance and integers"),
        (b"ann 1 2.5\n", "labels:1: expected"),
        (b"ann 99999999999\n", "labels:1: expected"),
        (b"\xff\xfe 1\n", "labels:1: expected"),
        (b"ann 1\nann 2\n", "ann occurs twice"),
        (b"ann \0BFM \4", "no Kaldi vector of integers"),
        (b"ann \0B\4\xff\xff\xff\xff", "no Kaldi vector of integers"),
        (b"ann \0B\4\1\0\0\0\5\1\0\0\0", "no Kaldi vector of integers"),
    ],
)
def test_what_is_no_archive_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "labels").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_int_vectors(tmp_path / "labels")


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*ali\.9\.gz: No such file"):
        read_int_vectors(tmp_path / "ali.9.gz")
