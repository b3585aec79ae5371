"""WAV files as programs write them that cannot go back to the header."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.corpus.audio import AudioProblem, channel_blocks, measure_audio, read_audio
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.segments import Segment
from asr_prune.corpus.validate import validate

SAMPLES = np.random.default_rng(1).normal(0, 3000, 4000).astype(np.int16)
EXTENSIBLE = struct.pack(
    "<HHIIHHHHIIIII", 0xFFFE, 1, 16000, 32000, 2, 16, 22, 16, 0, 1, 0x100000, 0xAA000080, 0x719B3800
)
PLAIN = struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)
LIST = b"LIST" + struct.pack("<I", 5) + b"hello\0"  # chunks are padded to an even length


def chunk(name: bytes, size: int, body: bytes, order: str = "<") -> bytes:
    return name + struct.pack(f"{order}I", size) + body


def wav(
    riff: int | None, data: int | None, form: bytes = PLAIN, before: bytes = b"", samples: np.ndarray = SAMPLES
) -> bytes:
    """None: the right size."""
    body = samples.astype("<i2").tobytes()
    chunks = b"WAVE" + chunk(b"fmt ", len(form), form) + before
    chunks += chunk(b"data", len(body) if data is None else data, body)
    return chunk(b"RIFF", len(chunks) if riff is None else riff, chunks)


def rifx(riff: int, data: int) -> bytes:
    form = struct.pack(">HHIIHH", 1, 1, 16000, 32000, 2, 16)
    chunks = b"WAVE" + chunk(b"fmt ", 16, form, ">") + chunk(b"data", data, SAMPLES.astype(">i2").tobytes(), ">")
    return chunk(b"RIFX", riff, chunks, ">")


def rf64(size: int) -> bytes:
    long = chunk(b"ds64", 28, struct.pack("<QQQI", size, size, size // 2, 0))
    chunks = b"WAVE" + long + chunk(b"fmt ", 16, PLAIN) + chunk(b"data", 0xFFFFFFFF, SAMPLES.astype("<i2").tobytes())
    return chunk(b"RF64", 0xFFFFFFFF, chunks)


WRITERS = {
    "right": wav(None, None),
    "GStreamer": wav(0, 0),
    "header of no samples": wav(36, 0),
    "ffmpeg": wav(0xFFFFFFFF, 0xFFFFFFFF),
    "SoX": wav(0x7FFFF024, 0x7FFFF000),
    "arecord": wav(0x80000024, 0x80000000),
    "RIFF unknown": wav(0, None),
    "data unknown": wav(0xFFFFFFFF, 0),
    "extensible": wav(None, None, EXTENSIBLE),
    "extensible, unknown": wav(0, 0, EXTENSIBLE),
    "a chunk before": wav(0, 0, before=LIST),
    "RIFX": rifx(8036, 8000),
    "RIFX, unknown": rifx(0, 0),
    "RF64": rf64(8000),
    "RF64, unknown": rf64(0),
    "RF64, all ones": rf64(2**64 - 1),
}


@pytest.mark.parametrize("content", WRITERS.values(), ids=list(WRITERS))
def test_each_is_read_to_its_end(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav")[0], SAMPLES)
    part = Segment("a", 0.05, 0.1)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", part=part)[0], SAMPLES[800:1600])
    np.testing.assert_array_equal(np.concatenate([block for _, block in channel_blocks(tmp_path / "a.wav")]), SAMPLES)
    assert measure_audio(tmp_path / "a.wav", decode=False) == (16000, 4000)


@pytest.mark.parametrize("content", [wav(None, None), rifx(8036, 8000), rf64(8000)])
def test_a_known_length_must_be_there(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content[:-1000])
    with pytest.raises(AudioProblem, match="3500 of the 4000 samples in its header"):
        read_audio(tmp_path / "a.wav")


def test_a_file_that_was_to_be_empty_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(None, None, samples=SAMPLES[:0]) + LIST)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    struct.pack_into("<I", content, 4, len(content) - 8)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(AudioProblem, match="no samples"):
        read_audio(tmp_path / "a.wav")


@given(st.integers(0, 8000), st.sampled_from([0, 0x7FFFF000, 0xFFFFFFFF]))
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, length: int, size: int) -> None:
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    path.write_bytes(wav(size, size)[: 44 + length])
    if length < 2:
        with pytest.raises(AudioProblem, match="no samples"):
            read_audio(path)
    else:
        np.testing.assert_array_equal(read_audio(path)[0], SAMPLES[: length // 2])


def test_validation_notes_them(data: DataDir, caplog: pytest.LogCaptureFixture) -> None:
    Path(data.wavs["ann-2"]).write_bytes(wav(0, 0))
    assert validate(data.path) == []
    assert "1 WAV file without a length in the header, read to the end: ann-2" in caplog.text
