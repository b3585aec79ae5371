from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.inspect import utterance_seconds
from asr_prune.corpus.validate import examine, validate
from asr_prune.errors import UserError


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("".join(line + "\n" for line in change(path.read_text().splitlines())))


def test_a_sound_directory_has_no_problems(data: DataDir) -> None:
    assert validate(data.path, 16000, {"YES", "NO"}) == []


def test_lengths_come_with_the_problems(data: DataDir) -> None:
    problems, lengths = examine(data.path, 16000, {"YES"}, decode=False, audio=True)
    assert problems == validate(data.path, 16000, {"YES"})
    assert lengths == utterance_seconds(data) == utterance_seconds(data, lengths)


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("text", lambda lines: lines[::-1], "text: is not sorted as LC_ALL=C sorts, first at bob-2"),
        ("text", lambda lines: [lines[0], *lines], "text: repeats 1 id: ann-1"),
        ("text", lambda lines: [*lines[:2], "", *lines[2:]], "text: has blank lines: 3"),
        ("text", lambda lines: ["ann-1", *lines[1:]], "text: 1 utterance without words: ann-1"),
        ("text", lambda lines: ["ann-1 <s> YES", *lines[1:]], "with a reserved symbol"),
        ("text", lambda lines: [line + "\r" for line in lines], "text: has Windows line ends"),
        ("text", lambda lines: lines[1:], "text and utt2spk differ; only in utt2spk: ann-1"),
        ("text", lambda lines: [*lines, "zoe-1 NO"], "text and utt2spk differ; only in text: zoe-1"),
        ("text", lambda lines: [], "text: is empty"),
        ("wav.scp", lambda lines: [*lines[:5], "bob-3 cat x.wav |"], "wav.scp: 1 pipe"),
        ("wav.scp", lambda lines: [*lines[:5], "bob-3"], "wav.scp: 1 utterance without a file name: bob-3"),
        ("wav.scp", lambda lines: [*lines[:5], "bob-3 /gone.wav"], "1 missing audio file: bob-3 [(]no such file[)]"),
        ("utt2spk", lambda lines: ["ann-1 zoe", *lines[1:]], "do not begin with their speaker: ann-1"),
        (
            "utt2spk",
            lambda lines: ["ann-1 zoe", *lines[1:]],
            "utterances and speakers sort differently, first at ann-2",
        ),
        ("utt2spk", lambda lines: ["ann-1", *lines[1:]], "1 line without exactly one speaker: ann-1"),
        ("spk2utt", lambda lines: ["ann ann-1 ann-2", *lines[1:]], "disagree about 1 speaker: ann"),
        ("spk2utt", lambda lines: lines[:1], "disagree about 1 speaker: bob"),
    ],
)
def test_each_spoiled_line_is_found(data: DataDir, name: str, change: Callable, says: str) -> None:
    edit(data.path / name, change)
    problems = validate(data.path)
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(" ".join(problems))
    assert all(problem.endswith(".") for problem in problems)


@pytest.mark.parametrize("name", ["wav.scp", "text", "utt2spk", "spk2utt"])
def test_a_missing_file_is_named(data: DataDir, name: str) -> None:
    (data.path / name).unlink()
    assert any(f"{name} is missing" in problem for problem in validate(data.path))


@pytest.mark.parametrize("name", ["wav.scp", "text", "utt2spk", "spk2utt", "segments"])
def test_another_encoding_is_named_with_its_byte(data: DataDir, name: str) -> None:
    table = (data.path / "utt2spk").read_bytes() if name == "segments" else (data.path / name).read_bytes()
    (data.path / name).write_bytes(table + "zoë-1 zoë\n".encode("latin-1"))
    line = table.count(b"\n") + 1
    found = " ".join(validate(data.path))
    assert f"{name}:{line}: the byte 0xEB is not UTF-8; the file looks like Latin-1" in found


def test_features_must_be_of_the_same_utterances(data: DataDir) -> None:
    (data.path / "feats.scp").write_text("ann-1 /x.ark:6\n")
    (data.path / "cmvn.scp").write_text("ann /x.ark:4\n")
    found = " ".join(validate(data.path))
    assert "feats.scp and utt2spk differ; only in utt2spk: ann-2, ann-3, bob-1, bob-2, bob-3." in found
    assert "cmvn.scp and the speakers of utt2spk differ; only in the speakers of utt2spk: bob." in found


def test_long_lists_are_cut_to_five_and_a_count(data: DataDir) -> None:
    edit(data.path / "text", lambda lines: [line.split()[0] for line in lines])
    assert f"{data.path}/text: 6 utterances without words: ann-1, ann-2, ann-3, bob-1, bob-2 and 1 more." in validate(
        data.path
    )


def test_words_outside_the_vocabulary_are_counted(data: DataDir) -> None:
    assert validate(data.path, words={"YES"}) == [
        f"{data.path}/text: 1 word outside the vocabulary, 4 times in all: NO (4)."
    ]


def test_audio_is_decoded(data: DataDir) -> None:
    noise = np.random.default_rng(0).normal(0, 3000, (8000, 2)).astype(np.int16)
    soundfile.write(data.wavs["ann-1"], noise, 16000)
    soundfile.write(data.wavs["ann-2"], noise[:, 0], 8000)
    Path(data.wavs["ann-3"]).write_bytes(Path(data.wavs["bob-1"]).read_bytes()[:4044])
    Path(data.wavs["bob-2"]).write_text("text")
    Path(data.wavs["bob-3"]).write_bytes(b"")
    assert [problem.partition("wav.scp: ")[2] for problem in validate(data.path, 16000)] == [
        "1 cut-short audio file: ann-3 (2000 of the 8000 samples in its header).",
        "1 empty audio file: bob-3 (no bytes).",
        "1 many-channel audio file: ann-1 (2 channels).",
        "1 unreadable audio file: bob-2 (Format not recognised).",
        "1 wrong-rate audio file: ann-2 (8000 Hz, not 16000).",
    ]


def test_one_odd_rate_is_found_without_being_told_the_rate(data: DataDir) -> None:
    soundfile.write(data.wavs["bob-2"], np.ones(4000, np.int16), 8000)
    assert validate(data.path) == [f"{data.path}/wav.scp: 1 wrong-rate audio file: bob-2 (8000 Hz, not 16000)."]


def test_no_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        validate(tmp_path / "none")
