from __future__ import annotations

import contextlib
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.corpus.audio import AudioProblem, channel_blocks, measure_audio, read_audio
from asr_prune.corpus.resample import resampled
from asr_prune.corpus.segments import Segment

FORMATS = {"wav": "WAV", "flac": "FLAC", "sph": "NIST"}
SAMPLES = np.random.default_rng(1).normal(0, 3000, 4000).astype(np.int16)


def write(path: Path, samples: np.ndarray = SAMPLES, rate: int = 16000) -> Path:
    soundfile.write(path, samples, rate, subtype="PCM_16", format=FORMATS[path.suffix[1:]])
    return path


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("rate", [8000, 16000])
def test_samples_come_back_in_the_range_of_int16(tmp_path: Path, suffix: str, rate: int) -> None:
    samples, found = read_audio(write(tmp_path / f"a.{suffix}", rate=rate))
    assert (samples.dtype, found) == (np.float32, rate)
    np.testing.assert_array_equal(samples, SAMPLES)


@pytest.mark.parametrize("suffix", ["wav", "sph"])
def test_a_file_shorter_than_its_header_says_is_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(AudioProblem, match="3500 of the 4000 samples in its header") as problem:
        read_audio(path)
    assert problem.value.kind == "cut-short"


def test_a_cut_flac_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(AudioProblem):
        read_audio(path)


def test_a_wav_that_was_streamed_is_read_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"data") + 4, 0xFFFFFFFF)
    path.write_bytes(content)
    np.testing.assert_array_equal(read_audio(path)[0], SAMPLES)


def test_chunks_before_the_samples_are_skipped(tmp_path: Path) -> None:
    content = write(tmp_path / "a.wav").read_bytes()
    at = content.index(b"data")
    note = b"LIST" + struct.pack("<I", 5) + b"hello\0"  # chunks are padded to an even length
    (tmp_path / "a.wav").write_bytes(
        content[:4] + struct.pack("<I", len(content) + 6) + content[8:at] + note + content[at:]
    )
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav")[0], SAMPLES)


def test_each_kind_of_bad_audio_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "zero.wav").touch()
    (tmp_path / "words.wav").write_text("not audio at all")
    write(tmp_path / "none.wav", SAMPLES[:0])
    write(tmp_path / "two.wav", np.stack([SAMPLES, SAMPLES], 1))
    write(tmp_path / "slow.wav", rate=8000)
    kinds = {}
    for name in ("absent", "zero", "words", "none", "two", "slow"):
        with pytest.raises(AudioProblem, match=f"{name}.wav: .*; .*[.]$") as problem:
            read_audio(tmp_path / f"{name}.wav", 16000)
        kinds[name] = problem.value.kind
    assert list(kinds.values()) == ["missing", "empty", "unreadable", "empty", "many-channel", "wrong-rate"]


@given(
    st.sampled_from(sorted(FORMATS)),
    st.lists(st.tuples(st.integers(0, 1100), st.integers(0, 255)), max_size=4),
    st.integers(0, 9000),
)
def test_a_damaged_file_is_samples_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, changes: list[tuple[int, int]], length: int
) -> None:
    path = write(tmp_path_factory.mktemp("audio") / f"a.{suffix}")
    content = bytearray(path.read_bytes())
    for at, byte in changes:
        content[at] = byte
    path.write_bytes(content[:length])
    with contextlib.suppress(AudioProblem):
        samples, rate = read_audio(path)
        assert len(samples) > 0
        assert rate > 0


def test_samples_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.1, np.nan], np.float32), 16000, subtype="FLOAT")
    with pytest.raises(AudioProblem, match="samples that are not finite numbers"):
        read_audio(tmp_path / "a.wav")


def test_a_file_without_a_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(SAMPLES.tobytes())
    with pytest.raises(AudioProblem, match="unreadable"):
        read_audio(tmp_path / "a.raw")


def test_a_header_that_promises_more_than_memory_holds_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac")
    content = bytearray(path.read_bytes())
    content[21] |= 0x03  # the high bits of the 36 that count the samples
    path.write_bytes(content)
    with pytest.raises(AudioProblem):
        read_audio(path)


@pytest.mark.torchaudio
@pytest.mark.parametrize(("rate", "wanted"), [(48000, 16000), (44100, 16000), (16000, 8000), (8000, 16000)])
def test_a_tone_is_the_same_tone_at_another_rate(tmp_path: Path, rate: int, wanted: int) -> None:
    tone = 8000 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    soundfile.write(tmp_path / "a.wav", tone.astype(np.int16), rate)
    with pytest.raises(AudioProblem, match=f"{rate} Hz, not {wanted}.; set corpus.resample"):
        read_audio(tmp_path / "a.wav", wanted)
    samples, found = read_audio(tmp_path / "a.wav", wanted, resample=True)
    assert (len(samples), found, samples.dtype) == (wanted, wanted, np.float32)
    expected = 8000 * np.sin(2 * np.pi * 440 * np.arange(wanted) / wanted)
    assert np.abs(samples - expected)[200:-200].max() < 40


@pytest.mark.torchaudio
def test_nothing_above_half_the_new_rate_is_left() -> None:
    tone = (8000 * np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000)).astype(np.float32)
    assert np.abs(resampled(tone, 16000, 8000)[200:-200]).max() < 80


def test_audio_of_the_right_rate_is_left_alone(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_audio(write(tmp_path / "a.wav"), 16000, resample=True)[0], SAMPLES)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("decode", [True, False])
def test_length_and_rate_are_measured(tmp_path: Path, suffix: str, decode: bool) -> None:
    path = write(tmp_path / f"a.{suffix}")
    assert measure_audio(path, decode) == (16000, 4000)
    path.write_bytes(path.read_bytes()[:-1000])
    if decode or suffix != "flac":  # what is missing of a .flac only decoding finds
        with pytest.raises(AudioProblem):
            measure_audio(path, decode)


def test_a_codec_that_is_not_at_hand_is_named(tmp_path: Path) -> None:
    content = bytearray(write(tmp_path / "a.sph").read_bytes())
    at = content.index(b"sample_coding -s3 pcm")
    rest = content[at + 21 : 1024].rstrip(b"\0 \n")
    coding = b"sample_coding -s26 pcm,embedded-shorten-v2.00"
    (tmp_path / "a.sph").write_bytes((content[:at] + coding + rest).ljust(1024, b"\n") + content[1024:])
    with pytest.raises(AudioProblem, match=r"NIST SPHERE compressed by shorten\); expand it with `sph2pipe -p`"):
        read_audio(tmp_path / "a.sph")


@pytest.mark.parametrize("suffix", FORMATS)
def test_blocks_are_the_file(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr_prune.corpus.audio_file._BLOCK", 700)
    found = list(channel_blocks(write(tmp_path / f"a.{suffix}", rate=8000)))
    assert [(rate, len(block)) for rate, block in found] == [(8000, 700)] * 5 + [(8000, 500)]
    np.testing.assert_array_equal(np.concatenate([block for _, block in found]), SAMPLES)


def test_one_of_several_channels_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.stack([SAMPLES, SAMPLES[::-1]], 1))
    np.testing.assert_array_equal(np.concatenate([block for _, block in channel_blocks(path, 2)]), SAMPLES[::-1])
    for channel, told in ((None, "2 channels.*choose one with --channel"), (3, "no channel 3.*choose one from 1 to 2")):
        with pytest.raises(AudioProblem, match=told):
            list(channel_blocks(path, channel))
    mono = write(tmp_path / "b.wav")
    with pytest.raises(AudioProblem, match="1 channel and no channel 2"):
        list(channel_blocks(mono, 2))


def test_what_is_wrong_with_a_file_shows_in_its_blocks_too(tmp_path: Path) -> None:
    cut_short = write(tmp_path / "a.wav")
    cut_short.write_bytes(cut_short.read_bytes()[:-1000])
    soundfile.write(tmp_path / "b.wav", np.array([0.1, np.nan], np.float32), 16000, subtype="FLOAT")
    write(tmp_path / "c.wav", SAMPLES[:0])
    for name, told in (
        ("a", "3500 of the 4000"),
        ("b", "not finite"),
        ("c", "no samples"),
        ("d", "no such file"),
    ):
        with pytest.raises(AudioProblem, match=told):
            list(channel_blocks(tmp_path / f"{name}.wav"))


def test_what_is_longer_than_allowed_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac")  # a quarter of a second
    assert len(read_audio(path, longest=0.25)[0]) == len(SAMPLES)
    with pytest.raises(AudioProblem, match=r"in one utterance, more than 0\.2.*segments file") as problem:
        read_audio(path, longest=0.2)
    assert problem.value.kind == "too-long"
    assert len(read_audio(path, part=Segment("a", 0.1, 0.2), longest=0.2)[0]) == 1600


def with_bytes(path: Path, at: int, content: bytes) -> Path:
    changed = bytearray(path.read_bytes())
    changed[at : at + len(content)] = content
    path.write_bytes(changed)
    return path


@pytest.mark.parametrize("rate", [0, 1, 3999, 384001, 1092676, 0x7FFFFFFF])
def test_a_rate_that_no_recording_has_is_refused(tmp_path: Path, rate: int) -> None:
    path = with_bytes(write(tmp_path / "a.wav"), 24, struct.pack("<II", rate, 2 * rate % 2**32))
    for read in (read_audio, measure_audio, lambda path: list(channel_blocks(path))):
        with pytest.raises(AudioProblem, match=r"impossible-rate|unreadable") as problem:
            read(path)
    if 0 < rate < 10**7:
        assert f"{rate} Hz in its header, not 4000 to 384000" in str(problem.value)


@pytest.mark.parametrize(
    ("suffix", "at", "content"),
    [
        ("wav", 22, struct.pack("<HIIH", 1024, 16000, 16000 * 2048, 2048)),  # channels
        ("wav", 4, struct.pack("<I", 0xFFFFFFF0)),
        ("wav", 16, struct.pack("<I", 0xF0000000)),  # the size of the format
        ("wav", 36, b"LIST" + struct.pack("<I", 0xF0000000)),
        ("wav", 40, struct.pack("<I", 0x7FFEFFF0)),
        ("flac", 21, b"\xf3\xff\xff\xff\xff"),  # samples in all
        ("flac", 8, struct.pack(">HH", 65535, 65535)),  # samples of a block
        ("sph", 24, b"sample_count -i 99999999999\n"),
    ],
)
@pytest.mark.parametrize("part", [None, Segment("a", 0.0), Segment("a", 0.0, 60000.0)])
def test_headers_do_not_decide_memory(
    tmp_path: Path, suffix: str, at: int, content: bytes, part: Segment | None
) -> None:
    path = with_bytes(write(tmp_path / f"a.{suffix}"), at, content)
    tracemalloc.start()
    for read in (lambda: read_audio(path, part=part), lambda: measure_audio(path), lambda: [*channel_blocks(path, 1)]):
        with contextlib.suppress(AudioProblem):
            read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6


def test_samples_that_are_no_sound_are_refused_by_all_readers(tmp_path: Path) -> None:
    for value in (np.inf, np.nan, 1e30):
        path = tmp_path / "a.wav"
        soundfile.write(path, np.array([0.1, value], np.float32), 16000, subtype="FLOAT")
        for read in (read_audio, measure_audio, lambda path: list(channel_blocks(path))):
            with pytest.raises(AudioProblem, match=r"not finite numbers|times full scale"):
                read(path)
    unscaled = np.array([-32768, 32767], np.float32)  # some programs write these
    soundfile.write(tmp_path / "b.wav", unscaled, 16000, subtype="FLOAT")
    assert read_audio(tmp_path / "b.wav")[0].tolist() == (unscaled * 32768).tolist()
