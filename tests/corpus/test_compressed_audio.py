"""Audio whose length libsndfile does not know, or in which it cannot go to a place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.corpus.audio import AudioProblem, channel_blocks, measure_audio, read_audio
from asr_prune.corpus.mp3_frames import read_mp3_frames
from asr_prune.corpus.segments import Segment

NOISE = np.random.default_rng(0).standard_normal(44100 * 4) * 0.1


@pytest.mark.parametrize("coding", ["GSM610", "G721_32"])
def test_segments_of_codings_without_places(tmp_path: Path, coding: str) -> None:
    soundfile.write(path := tmp_path / "a.wav", NOISE[:32000], 8000, subtype=coding)
    whole, _ = read_audio(path)
    for start, end in ((0.0, 1.0), (1.0, 2.5), (3.0, -1.0)):
        stop = len(whole) if end < 0 else int(8000 * end)
        part, _ = read_audio(path, part=Segment("a", start, end))
        np.testing.assert_array_equal(part, whole[int(8000 * start) : stop])


def mp3(path: Path, rate: int, mode: str, samples: np.ndarray = NOISE) -> tuple[bytes, bytes]:
    """The frame with the tag, and those with sound."""
    with soundfile.SoundFile(path, "w", rate, 1, format="MP3", bitrate_mode=mode, compression_level=0.6) as file:
        file.write(samples)
    content = path.read_bytes()
    size = next(at for at in range(4, len(content)) if content[at : at + 2] == content[:2])
    return content[:size], content[size:]


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("end", [b"", b"TAG" + b"x" * 125])
def test_an_mp3_without_a_length_is_read_whole(tmp_path: Path, rate: int, mode: str, end: bytes) -> None:
    """It begins loudly enough for libsndfile to take it for longer, or exactly as long."""
    path = tmp_path / "a.mp3"
    samples = np.concatenate([np.zeros(rate), NOISE])
    _, sound = mp3(path, rate, mode, samples)
    assert measure_audio(path) == (rate, len(samples))
    path.write_bytes(sound + end)
    held = read_mp3_frames(path).samples
    assert held >= len(samples)
    assert measure_audio(path) == measure_audio(path, decode=False) == (rate, held)
    assert len(read_audio(path)[0]) == sum(len(block) for _, block in channel_blocks(path)) == held
    tail, _ = read_audio(path, part=Segment("a", 1.0))
    assert len(tail) == held - rate


def test_no_part_of_an_mp3_is_taken_for_all_of_it(tmp_path: Path) -> None:
    path, quiet = tmp_path / "a.mp3", np.concatenate([NOISE[:44100], np.zeros(8 * 44100)])
    tag, sound = mp3(path, 44100, "VARIABLE", quiet)
    # the frame of the tag is loud: the rest of the file is taken for as large
    contents = {
        "without a length": tag.replace(b"Xing", b"Xinx") + sound,
        "longer than its header": (tag + sound) * 2,
        "cut-short": mp3(path, 44100, "CONSTANT")[1][:-50],
    }
    for told, content in contents.items():
        path.write_bytes(content)
        for read in (read_audio, measure_audio, lambda path: [*channel_blocks(path)]):
            with pytest.raises(AudioProblem, match=told):
                read(path)


HEADERS = {  # 64 kbit/s: layer and rate of MPEG-1, -2 and -2.5; bytes and samples of a frame
    (0xFB, 0x50): (208, 1152),  # layer III, 44.1 kHz
    (0xF3, 0x88): (288, 576),  # layer III, 16 kHz
    (0xE3, 0x88): (576, 576),  # layer III, 8 kHz
    (0xFD, 0x44): (192, 1152),  # layer II, 48 kHz
    (0xFF, 0x24): (64, 384),  # layer I, 48 kHz
}


@pytest.mark.parametrize(("begin", "frame"), HEADERS.items())
def test_frames_are_counted_among_other_bytes(tmp_path: Path, begin: tuple[int, int], frame: tuple[int, int]) -> None:
    size, samples = frame
    one = bytes([0xFF, *begin, 0xC0]).ljust(size, b"\0")
    picture = b"ID3\4\0\0\0\0\1\0" + one[:64] + one[:64]
    (tmp_path / "a.mp3").write_bytes(picture + one * 3 + b"\xff\xfbjunk" + one * 2 + b"TAG\xff")
    found = read_mp3_frames(tmp_path / "a.mp3")
    assert (found.samples, found.told) == (5 * samples, False)


def test_a_flac_without_a_length_says_so(tmp_path: Path) -> None:
    soundfile.write(path := tmp_path / "a.flac", NOISE[:4000], 16000)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    for read in (read_audio, measure_audio, lambda path: [*channel_blocks(path)]):
        with pytest.raises(AudioProblem, match=r"does not say how long it is\); write it again.*flac -d"):
            read(path)
