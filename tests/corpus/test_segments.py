from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.corpus.audio import AudioProblem, read_audio
from asr_prune.corpus.datadir import DataDir, read_table
from asr_prune.corpus.fix import fix
from asr_prune.corpus.segments import Segment, overlapping
from asr_prune.corpus.validate import validate
from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices
from asr_prune.features.extract import extract
from asr_prune.features.options import FeatureOptions

RATE = 16000
TALK = np.random.default_rng(3).normal(0, 3000, 4 * RATE).astype(np.int16)
CUTS = {"ann-1": Segment("talk", 0.25, 1.5), "ann-2": Segment("talk", 1.5, 2.125), "ann-3": Segment("talk", 3.0, 4.0)}


@pytest.fixture
def talk(tmp_path: Path) -> DataDir:
    """One recording of four seconds with three utterances in it."""
    soundfile.write(tmp_path / "talk.sph", TALK, RATE, format="NIST", subtype="PCM_16")
    made = DataDir(tmp_path / "data", segments=dict(CUTS))
    for key in CUTS:
        made.wavs[key], made.text[key], made.utt2spk[key] = str(tmp_path / "talk.sph"), ["YES"], "ann"
    made.write()
    return made


def respell(talk: DataDir, **lines: str) -> None:
    """Writes segments anew with some lines changed."""
    table = {key: lines.get(key.replace("-", "_"), str(own)) for key, own in CUTS.items()}
    (talk.path / "segments").write_text("".join(f"{key} {line}\n" for key, line in table.items()))


def test_recordings_stand_once_in_wav_scp_and_come_back_by_utterance(talk: DataDir, tmp_path: Path) -> None:
    assert read_table(talk.path / "wav.scp") == {"talk": str(tmp_path / "talk.sph")}
    assert DataDir.read(talk.path) == talk
    assert talk.subset(["ann-2"]).segments == {"ann-2": CUTS["ann-2"]}
    assert validate(talk.path, RATE, {"YES"}) == []
    assert fix(talk.path) == []


def test_segments_that_are_no_longer_there_leave_no_file(talk: DataDir) -> None:
    talk.segments.clear()
    talk.write()
    assert not (talk.path / "segments").exists()
    assert list(read_table(talk.path / "wav.scp")) == list(CUTS)


@pytest.mark.parametrize("suffix", ["sph", "wav", "flac"])
@given(st.floats(0, 3.9), st.floats(0.001, 4.4))
def test_a_part_is_the_samples_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, start: float, length: float
) -> None:
    path = tmp_path_factory.getbasetemp() / f"whole.{suffix}"
    if not path.exists():
        formats = {"sph": "NIST", "wav": "WAV", "flac": "FLAC"}
        soundfile.write(path, TALK, RATE, format=formats[suffix], subtype="PCM_16")
    end = min(start + length, 4.4)
    if round(start * RATE) >= round(min(end, 4.0) * RATE):
        return
    cut, _ = read_audio(path, RATE, Segment("talk", start, end))
    np.testing.assert_array_equal(cut, TALK[round(start * RATE) : round(end * RATE)])


def test_only_the_part_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", TALK, RATE)
    damaged = bytearray((tmp_path / "a.flac").read_bytes())
    damaged[len(damaged) // 2 :] = bytes(len(damaged) - len(damaged) // 2)
    (tmp_path / "a.flac").write_bytes(damaged)
    assert len(read_audio(tmp_path / "a.flac", RATE, Segment("a", 0.0, 0.5))[0]) == RATE // 2


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("talk -0.5 1.0", "negative"),
        ("talk 1.0 -2.0", "negative"),
        ("talk 1.0 1.0", "zero-length"),
        ("talk 2.0 1.0", "zero-length"),
        ("talk 4.0 5.0", "beyond-the-end"),
        ("talk 3.0 4.75", "beyond-the-end"),
    ],
)
def test_a_segment_that_cannot_be_cut_is_told_skipped_and_mended(
    talk: DataDir, tmp_path: Path, line: str, kind: str
) -> None:
    respell(talk, ann_3=line)
    (told,) = [problem for problem in validate(talk.path) if "overlapping" not in problem]
    assert f"segments: 1 {kind} segment: ann-3 (" in told
    counts = extract(talk.path, tmp_path / "out", FeatureOptions(), 1)
    assert list(counts.skipped) == ["ann-3"]
    assert f"{kind} audio" in counts.skipped["ann-3"]
    assert fix(talk.path)[0] == f"dropped 1 utterance with {kind} segments: ann-3."
    assert validate(talk.path) == []


@pytest.mark.parametrize("line", ["talk", "talk 1.0", "talk one 2", "talk nan 2.0", "talk 0 1 A more"])
def test_a_line_that_is_no_segment_is_told(talk: DataDir, line: str) -> None:
    respell(talk, ann_3=line)
    assert any("1 line that are not `utterance recording start end`" in told for told in validate(talk.path))
    with pytest.raises(UserError, match="ann-3 is not `recording start end` in seconds"):
        DataDir.read(talk.path)
    assert "dropped 1 utterance whose segment is not" in fix(talk.path)[0]


def test_a_recording_that_is_not_there_is_told(talk: DataDir) -> None:
    respell(talk, ann_2="lecture 0 1")
    assert any("wav.scp and the recordings of segments differ" in told for told in validate(talk.path))
    with pytest.raises(UserError, match=r"segments names 1 recording \(for instance lecture\) that wav.scp lacks"):
        DataDir.read(talk.path)
    assert fix(talk.path)[0] == "dropped 1 utterance whose recording is missing in wav.scp: ann-2."


def test_a_cut_short_recording_spoils_its_segments(talk: DataDir, tmp_path: Path) -> None:
    path = tmp_path / "talk.sph"
    path.write_bytes(path.read_bytes()[:-RATE])
    with pytest.raises(AudioProblem, match="56000 of the 64000 samples in its header"):
        read_audio(path, RATE, CUTS["ann-1"])
    assert any("1 cut-short audio file: talk" in told for told in validate(talk.path, decode=False))


def test_overlaps_are_told(talk: DataDir) -> None:
    respell(talk, ann_1="talk 0.0 3.5")
    (told,) = validate(talk.path)
    assert told.endswith("2 pairs of overlapping segments, whose audio counts twice: ann-1 and ann-2, ann-1 and ann-3.")


segments = st.builds(Segment, st.sampled_from("ab"), st.floats(0, 9).map(lambda t: round(t, 1)), st.floats(9.5, 12))


@given(st.lists(segments, max_size=8))
def test_each_overlap_is_found(some: list[Segment]) -> None:
    named = {str(i): own for i, own in enumerate(some)}
    spans = [(own.recording, own.start, own.end) for own in some]
    crossing = {
        i
        for i, (recording, start, _) in enumerate(spans)
        for j, (other, begun, end) in enumerate(spans)
        if recording == other and (begun, str(j)) < (start, str(i)) and start < end
    }
    assert {int(later) for _, later in overlapping(named)} == crossing


def test_features_of_segments_are_those_of_the_pieces(talk: DataDir, tmp_path: Path) -> None:
    extract(talk.path, tmp_path / "cut", FeatureOptions(), 1)
    pieces = DataDir(tmp_path / "pieces", text=talk.text, utt2spk=talk.utt2spk)
    for key, own in CUTS.items():
        start, end = own.span(4.0)
        soundfile.write(tmp_path / f"{key}.wav", TALK[round(start * RATE) : round(end * RATE)], RATE)
        pieces.wavs[key] = str(tmp_path / f"{key}.wav")
    pieces.write()
    extract(pieces.path, tmp_path / "whole", FeatureOptions(), 1)
    assert (tmp_path / "cut/feats.ark").read_bytes() == (tmp_path / "whole/feats.ark").read_bytes()
    assert [key for key, _ in read_matrices(tmp_path / "cut/feats.scp")] == list(CUTS)
