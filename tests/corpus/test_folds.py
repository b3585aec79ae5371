"""Folds of a corpus: every speaker is tested once, and no two sets of a fold share one."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.folds import deal_speakers, sets_of_fold, write_fold
from asr_prune.corpus.segments import Segment
from asr_prune.errors import UserError
from asr_prune.layout import SETS

WORDS = st.dictionaries(st.text("abcdeé", min_size=1, max_size=4), st.integers(0, 99), min_size=3, max_size=40)


@given(words=WORDS, data=st.data())
def test_every_speaker_is_in_one_fold_and_folds_have_about_as_many_words(
    words: dict[str, int], data: st.DataObject
) -> None:
    count = data.draw(st.integers(3, len(words)))
    folds = deal_speakers(words, count)
    assert sorted(speaker for fold in folds for speaker in fold) == sorted(words)
    assert len(folds) == count
    assert all(folds)
    sums = [sum(words[speaker] for speaker in fold) for fold in folds]
    assert max(sums) - min(sums) <= max(words.values())
    shuffled = list(words.items())
    random.Random(data.draw(st.integers(0, 9))).shuffle(shuffled)
    assert deal_speakers(dict(shuffled), count) == folds


@given(words=WORDS, data=st.data())
def test_the_sets_of_a_fold_share_no_speaker_and_each_speaker_is_tested_once(
    words: dict[str, int], data: st.DataObject
) -> None:
    folds = deal_speakers(words, data.draw(st.integers(3, len(words))))
    tested, tuned = [], []
    for number in range(1, len(folds) + 1):
        sets = sets_of_fold(folds, number)
        assert not sets["train"] & sets["dev"]
        assert not sets["train"] & sets["test"]
        assert not sets["dev"] & sets["test"]
        assert set().union(*sets.values()) == set(words)
        assert all(sets.values())
        tested += sets["test"]
        tuned += sets["dev"]
    assert sorted(tested) == sorted(tuned) == sorted(words)


def _corpus(folder: Path, segmented: bool) -> list[Path]:
    """train, dev and test; the speaker `cat` is in two of them."""
    speakers = {"train": ("ann", "bob", "cat"), "dev": ("dan",), "test": ("cat", "eve")}
    for part, names in speakers.items():
        data = DataDir(folder / part)
        for name in names:
            for number in range(3):
                utt = f"{name}-{part}-{number}"
                data.wavs[utt] = f"/audio/{name}.wav" if segmented else f"/audio/{utt}.wav"
                data.text[utt], data.utt2spk[utt] = ["YES"] * (1 + number), name
                if segmented:
                    data.segments[utt] = Segment(f"{name}-rec", float(number), number + 1.0)
        data.write()
    return [folder / part for part in SETS]


@pytest.mark.parametrize("segmented", [False, True])
def test_written_folds_have_every_utterance_whole_and_once_as_test(tmp_path: Path, segmented: bool) -> None:
    sources = _corpus(tmp_path / "data", segmented)
    whole = {utt: words for folder in sources for utt, words in DataDir.read(folder).text.items()}
    tested: list[str] = []
    for fold in range(1, 4):
        outs = {part: tmp_path / f"fold{fold}/{part}" for part in SETS}
        further = write_fold(sources, outs, 3, fold)
        assert further == [outs[part] / "segments" for part in SETS if segmented]
        made = {part: DataDir.read(folder) for part, folder in outs.items()}
        speakers = [set(data.utt2spk.values()) for data in made.values()]
        assert sum(map(len, speakers)) == len(set().union(*speakers)) == 5
        assert {utt: words for data in made.values() for utt, words in data.text.items()} == whole
        assert all(bool(data.segments) == segmented for data in made.values())
        tested += made["test"].text
    assert sorted(tested) == sorted(whole)


def test_what_cannot_be_divided_is_one_sentence(tmp_path: Path) -> None:
    sources = _corpus(tmp_path / "data", False)
    outs = {part: tmp_path / "out" / part for part in SETS}
    with pytest.raises(UserError, match=r"there are 5 speakers, who cannot be dealt to 6 parts; set corpus\.folds"):
        write_fold(sources, outs, 6, 1)
    silent = DataDir.read(sources[2])
    silent.text = {utt: [] for utt in silent.text}
    silent.write()
    with pytest.raises(UserError, match="test has no transcripts, and every fold is a test set once"):
        write_fold(sources, outs, 3, 1)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mixed", [("train",), ("test",), ("train", "dev")])
def test_whole_files_beside_segments_keep_their_audio(tmp_path: Path, mixed: tuple[str, ...]) -> None:
    plain, cut = (_corpus(tmp_path / str(segmented), segmented) for segmented in (False, True))
    sources = [(cut if part in mixed else plain)[at] for at, part in enumerate(SETS)]
    given = {key: place for folder in sources for key, place in DataDir.read(folder).wavs.items()}
    outs = {part: tmp_path / "fold" / part for part in SETS}
    write_fold(sources, outs, 3, 1)
    assert {key: place for folder in outs.values() for key, place in DataDir.read(folder).wavs.items()} == given


def test_recordings_of_one_name_in_several_sets_keep_their_audio(tmp_path: Path) -> None:
    sources = _corpus(tmp_path / "data", True)
    given: dict[str, str] = {}
    for folder in sources:
        data = DataDir.read(folder)
        for utt, segment in data.segments.items():
            data.segments[utt] = replace(segment, recording="session1")
            data.wavs[utt] = f"/audio/{folder.name}/session1.wav"
        data.write()
        given |= data.wavs
    outs = {part: tmp_path / "fold" / part for part in SETS}
    write_fold(sources, outs, 3, 1)
    assert {key: place for folder in outs.values() for key, place in DataDir.read(folder).wavs.items()} == given
    made = DataDir.read(outs["train"])
    made.segments = {utt: replace(segment, recording="session1") for utt, segment in made.segments.items()}
    with pytest.raises(
        UserError, match=r"recording session1 has several files, /audio/.*/session1.wav and /audio/.*; give each file"
    ):
        made.write()


def test_sets_of_which_some_have_audio_are_one_sentence(tmp_path: Path) -> None:
    sources = _corpus(tmp_path / "data", False)
    (sources[0] / "wav.scp").unlink()
    with pytest.raises(UserError, match=r"data/train without wav\.scp, beside sets with audio"):
        write_fold(sources, {part: tmp_path / "out" / part for part in SETS}, 3, 1)
