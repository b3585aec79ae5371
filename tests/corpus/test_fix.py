from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir, read_table
from asr_prune.corpus.fix import fix
from asr_prune.corpus.validate import validate
from asr_prune.errors import UserError


def test_a_sound_directory_is_left_alone(data: DataDir) -> None:
    before = {path: path.read_bytes() for path in data.path.iterdir()}
    assert fix(data.path) == []
    assert {path: path.read_bytes() for path in data.path.iterdir()} == before


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_and_repeated_lines_are_mended(data: DataDir, seed: int) -> None:
    dice = random.Random(seed)
    for name in ("wav.scp", "text", "utt2spk", "spk2utt"):
        lines = (data.path / name).read_text().splitlines()
        (data.path / name).write_text("\n\n".join(dice.sample([*lines, lines[0]], len(lines) + 1)) + "\n")
    said = fix(data.path)
    assert any(sentence.startswith("text: removed 1 repeated line: ann-1") for sentence in said)
    assert validate(data.path) == []
    assert DataDir.read(data.path) == data
    assert fix(data.path) == []


def test_what_cannot_be_used_is_dropped_and_said(data: DataDir) -> None:
    (data.path / "text").write_text("ann-1 YES\nann-2\nann-3 NO\nbob-1 YES\nbob-3 NO\n")
    Path(data.wavs["ann-3"]).write_bytes(Path(data.wavs["ann-1"]).read_bytes()[:900])
    (data.path / "utt2spk").write_text("ann-1 ann\nann-2 ann\nann-3 ann\nbob-1\nbob-2 bob\nbob-3 bob\n")
    before = (data.path / "text").read_bytes()
    assert fix(data.path) == [
        "dropped 1 utterance missing in text: bob-2.",
        "dropped 1 utterance without words: ann-2.",
        "dropped 1 utterance without exactly one speaker: bob-1.",
        "dropped 1 utterance with cut-short audio: ann-3.",
        f"the original files are in {data.path}/.backup.",
    ]
    assert (data.path / ".backup/text").read_bytes() == before
    assert list(DataDir.read(data.path).wavs) == ["ann-1", "bob-3"]
    assert validate(data.path) == []


def test_features_follow(data: DataDir) -> None:
    (data.path / "feats.scp").write_text(
        "".join(f"{key} /x.ark:{at}\n" for at, key in enumerate(data.wavs) if key < "bob")
    )
    (data.path / "cmvn.scp").write_text("ann /x.ark:4\nbob /x.ark:99\n")
    assert "dropped 3 utterances missing in feats.scp: bob-1, bob-2, bob-3." in fix(data.path)
    assert list(read_table(data.path / "cmvn.scp")) == list(read_table(data.path / "spk2utt")) == ["ann"]


def test_segments_keep_their_recordings(data: DataDir) -> None:
    """Of two recordings, each half a second; one is left without an utterance."""
    segments = {
        "ann-1": "ann-1 0.00 0.20",
        "ann-2": "ann-1 0.20 0.40",
        "ann-3": "ann-1 0.60 0.90",
        "bob-1": "bob-3 0.30 0.10",
        "bob-2": "lost 0.00 0.20",
        "bob-3": "bob-3 0.00",
    }
    (data.path / "segments").write_text("".join(f"{key} {text}\n" for key, text in segments.items()))
    (data.path / "wav.scp").write_text("".join(f"{key} {data.wavs[key]}\n" for key in ("ann-1", "bob-3")))
    assert fix(data.path) == [
        "dropped 1 utterance whose segment is not `recording start end`: bob-3.",
        "dropped 1 utterance whose recording is missing in wav.scp: bob-2.",
        "dropped 1 utterance with beyond-the-end segments: ann-3.",
        "dropped 1 utterance with zero-length segments: bob-1.",
        f"the original files are in {data.path}/.backup.",
    ]
    assert list(read_table(data.path / "segments")) == ["ann-1", "ann-2"]
    assert list(read_table(data.path / "wav.scp")) == ["ann-1"]
    assert validate(data.path) == []
    assert fix(data.path) == []


def test_the_rate_can_be_asked_for(data: DataDir) -> None:
    with pytest.raises(UserError, match="nothing was changed; dropped 6 utterances with wrong-rate audio"):
        fix(data.path, rate=8000)
    assert DataDir.read(data.path) == data


def test_audio_of_any_rate_is_kept_unless_one_is_asked_for(data: DataDir, capsys: pytest.CaptureFixture[str]) -> None:
    for key in ("ann-1", "ann-2", "ann-3", "bob-1"):
        soundfile.write(data.wavs[key], np.ones(4000), 8000)
    (data.path / "text").write_text("\n" + (data.path / "text").read_text())
    assert main(["fix", str(data.path)]) == 0
    assert "not repaired" not in capsys.readouterr().out
    assert DataDir.read(data.path) == data
    assert main(["fix", str(data.path), "--rate", "16000"]) == 0
    assert list(DataDir.read(data.path).wavs) == ["bob-2", "bob-3"]


def test_pipes_are_kept_and_told(data: DataDir, caplog: pytest.LogCaptureFixture) -> None:
    lines = (data.path / "wav.scp").read_text().splitlines()
    lines[0] = "ann-1 cat ann-1.wav |"
    (data.path / "wav.scp").write_text("\n".join(lines) + "\n")
    (data.path / "utt2dur").write_text("ann-2 0.25\n")
    assert fix(data.path)[0].startswith("utt2dur: removed, since it lacks 5 utterances: ann-1")
    assert "1 pipe kept, not run and not checked: ann-1" in caplog.text
    assert read_table(data.path / "wav.scp")["ann-1"] == "cat ann-1.wav |"
    assert read_table(data.path / "text").keys() == data.text.keys()


def test_a_directory_of_features_needs_no_audio(data: DataDir) -> None:
    (data.path / "feats.scp").write_text("".join(f"{key} /x.ark:{at}\n" for at, key in enumerate(data.wavs)))
    (data.path / "wav.scp").unlink()
    (data.path / "text").write_text("\n" + (data.path / "text").read_text())
    assert fix(data.path)[0] == "text: removed 1 blank line."
    assert DataDir.read(data.path).text == data.text
    assert not (data.path / "wav.scp").exists()


def test_lines_that_end_in_carriage_returns_are_not_joined(data: DataDir) -> None:
    content = (data.path / "text").read_bytes().replace(b"\n", b"\r")
    (data.path / "text").write_bytes(content)
    with pytest.raises(UserError, match=r"a carriage return \(0x0D\) ends no line.*convert the file with `tr"):
        fix(data.path)
    assert (data.path / "text").read_bytes() == content
    assert "ends no line, as in old Macintosh files" in validate(data.path)[0]


def test_a_missing_file_is_named_and_nothing_changes(data: DataDir) -> None:
    (data.path / "utt2spk").unlink()
    with pytest.raises(UserError, match="utt2spk is missing"):
        fix(data.path)
    assert not (data.path / ".backup").exists()
