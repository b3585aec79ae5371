"""Recordings of several channels, and recordings in archives."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.corpus.audio import AudioProblem, channel_blocks, measure_audio, read_audio
from asr_prune.corpus.channels import Channel
from asr_prune.corpus.datadir import DataDir, audio_files, read_table
from asr_prune.corpus.fix import fix
from asr_prune.corpus.options import CorpusOptions
from asr_prune.corpus.segments import Segment
from asr_prune.corpus.validate import validate
from asr_prune.features.archive import read_matrices
from asr_prune.features.extract import extract
from asr_prune.features.options import FeatureOptions

LEFT, RIGHT = np.random.default_rng(2).normal(0, 3000, (2, 16000)).astype(np.int16)
EXPECTED: dict[Channel, np.ndarray] = {1: LEFT, 2: RIGHT, "mix": (LEFT.astype(np.float32) + RIGHT) / 2}


@pytest.fixture
def call(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "call.wav", np.stack([LEFT, RIGHT], 1), 16000)
    return tmp_path / "call.wav"


@pytest.mark.parametrize("channel", EXPECTED)
def test_one_channel_or_the_mean_is_read(call: Path, channel: Channel) -> None:
    np.testing.assert_array_equal(read_audio(call, channel=channel)[0], EXPECTED[channel])
    np.testing.assert_array_equal(np.concatenate([b for _, b in channel_blocks(call, channel)]), EXPECTED[channel])


@pytest.mark.parametrize("channel", [None, 1, "mix"])
def test_mono_files_are_read_as_ever(tmp_path: Path, channel: Channel) -> None:
    soundfile.write(tmp_path / "a.wav", LEFT, 16000)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", channel=channel)[0], LEFT)


def test_without_a_choice_or_without_the_channel_nothing_is_read(call: Path) -> None:
    with pytest.raises(AudioProblem, match=r"2 channels\); choose one with --channel or corpus.channel, or mix"):
        read_audio(call)
    with pytest.raises(AudioProblem, match=r"2 channels and no channel 3\); choose one from 1 to 2"):
        read_audio(call, channel=3)
    assert measure_audio(call, channels=[1, "mix"]) == (16000, 16000)


@pytest.mark.parametrize("channel", [0, -1])
def test_channels_of_recipes_count_from_1(channel: int) -> None:
    with pytest.raises(ValueError, match="channel must be 1 or more, or mix"):
        CorpusOptions(channel=channel)


@pytest.fixture
def dialogue(tmp_path: Path, call: Path) -> DataDir:
    """Two speakers, each on a channel of one recording."""
    made = DataDir(tmp_path / "data")
    for at, speaker in enumerate(("ann", "bob")):
        made.segments[f"{speaker}-1"] = Segment("call", 0.25 * at, 0.25 * at + 0.5, at + 1)
        made.wavs[f"{speaker}-1"], made.text[f"{speaker}-1"] = str(call), ["YES"]
        made.utt2spk[f"{speaker}-1"] = speaker
    made.write()
    return made


def test_segments_name_channels_from_0_as_extract_segments_does(dialogue: DataDir, tmp_path: Path) -> None:
    assert read_table(dialogue.path / "segments") == {"ann-1": "call 0.0 0.5 0", "bob-1": "call 0.25 0.75 1"}
    assert DataDir.read(dialogue.path) == dialogue
    spans = {"ann-1": LEFT[:8000], "bob-1": RIGHT[4000:12000]}
    for key, samples in spans.items():
        np.testing.assert_array_equal(
            read_audio(dialogue.wavs[key], part=dialogue.segments[key], channel=1)[0], samples
        )
    assert extract(dialogue.path, tmp_path / "out", FeatureOptions()).utterances == 2


def test_a_named_channel_is_what_kaldis_scripts_refuse(dialogue: DataDir) -> None:
    (problem,) = [one for one in validate(dialogue.path) if "overlapping" not in one]
    assert "segments: 2 lines with a channel, which Kaldi's extract-segments reads but its scripts refuse" in problem
    (kept,) = fix(dialogue.path)
    assert kept.startswith("segments: kept the channel of 2 segments, which Kaldi's scripts refuse: ann-1, bob-1;")
    assert DataDir.read(dialogue.path) == dialogue


def test_a_wrong_channel_costs_its_own_utterance_only(dialogue: DataDir) -> None:
    (dialogue.path / "segments").write_text("ann-1 call 0.0 0.5 0\nbob-1 call 0.25 0.75 2\n")
    assert "1 no-such-channel audio file: call (2 channels and no channel 3)" in " ".join(validate(dialogue.path))
    assert "dropped 1 utterance whose recording has no such channel: bob-1." in fix(dialogue.path)
    assert list(DataDir.read(dialogue.path).segments) == ["ann-1"]


def test_stereo_can_be_validated_fixed_and_extracted_by_channel(data: DataDir, tmp_path: Path) -> None:
    for place in data.wavs.values():
        soundfile.write(place, np.stack([LEFT, RIGHT], 1), 16000)
    assert "6 many-channel audio files" in " ".join(validate(data.path))
    assert "6 many-channel audio files" not in " ".join(validate(data.path, channel=2))
    assert fix(data.path, channel="mix") == []
    extract(data.path, tmp_path / "right", FeatureOptions(), channel=2)
    for place in data.wavs.values():
        soundfile.write(place, RIGHT, 16000)
    extract(data.path, tmp_path / "mono", FeatureOptions())
    assert (tmp_path / "right/feats.ark").read_bytes() == (tmp_path / "mono/feats.ark").read_bytes()
    assert len(dict(read_matrices(tmp_path / "right/feats.scp"))) == 6


@pytest.fixture
def archived(data: DataDir, tmp_path: Path) -> DataDir:
    """wav.scp into an archive as wav-copy writes it: `key `, then a WAV, and so on."""
    lines, content = [], b""
    for at, key in enumerate(data.wavs):
        wav = io.BytesIO()
        soundfile.write(wav, LEFT[: 8000 + at], 16000, format="WAV")
        content += f"{key} ".encode()
        lines.append(f"{key} {tmp_path}/wav.ark:{len(content)}\n")
        content += wav.getvalue()
    (tmp_path / "wav.ark").write_bytes(content)
    (data.path / "wav.scp").write_text("".join(lines))
    return DataDir.read(data.path)


def test_recordings_in_archives_are_read(archived: DataDir, tmp_path: Path) -> None:
    assert validate(archived.path, 16000) == fix(archived.path) == []
    for at, place in enumerate(archived.wavs.values()):
        np.testing.assert_array_equal(read_audio(place, 16000)[0], LEFT[: 8000 + at])
        assert measure_audio(place, decode=False) == (16000, 8000 + at)
    assert extract(archived.path, tmp_path / "out", FeatureOptions()).utterances == 6
    assert audio_files([archived.path]) == [tmp_path / "wav.ark"]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("wav.ark:5", "unreadable audio .no WAV of a known length at this offset"),
        ("wav.ark:99999999", "the archive ends before this offset"),
        ("wav.ark:" + "9" * 30, "missing audio"),
        ("gone.ark:6", "missing audio"),
    ],
)
def test_a_wrong_entry_is_one_sentence(archived: DataDir, tmp_path: Path, entry: str, says: str) -> None:
    with pytest.raises(AudioProblem, match=says):
        read_audio(tmp_path / entry)
    scp = archived.path / "wav.scp"
    scp.write_text("".join([f"ann-1 {tmp_path}/{entry}\n", *scp.read_text().splitlines(keepends=True)[1:]]))
    assert len(validate(archived.path)) == 1


def test_an_archive_that_is_cut_short_is_found(archived: DataDir, tmp_path: Path) -> None:
    (tmp_path / "wav.ark").write_bytes((tmp_path / "wav.ark").read_bytes()[:-1000])
    assert "1 cut-short audio file: bob-3 (7505 of the 8005 samples in its header)" in " ".join(validate(archived.path))
