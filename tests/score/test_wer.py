"""Scores of whole sets, and sclite as the judge where it is installed."""

from __future__ import annotations

import logging
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.score.align import Counts
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import kaldi_line, score

REFS = {"ann-1": ["OH", "ONE", "TWO"], "ann-2": [], "bob-1": ["THREE", "FOUR"]}
HYPS = {"ann-1": ["O", "ONE", "TO"], "ann-2": ["UH"], "bob-1": ["FOUR"]}
UTT2SPK = {"ann-1": "ann", "ann-2": "ann", "bob-1": "bob"}
OPTIONS = ScoreOptions(equivalents=[["O", "OH"]], bootstrap=200)


def test_merged_and_raw() -> None:
    made = score(HYPS, REFS, UTT2SPK, OPTIONS)
    assert made.counts == Counts(5, 1, 1, 1)
    assert made.counts_raw == Counts(5, 2, 1, 1)
    assert (made.wer, made.wer_raw, made.words, made.wrong_utterances) == (60.0, 80.0, 5, 3)
    assert made.kaldi_line == "%WER 60.00 [ 3 / 5, 1 ins, 1 del, 1 sub ]"
    assert made.speakers == {"ann": Counts(3, 1, 1, 0), "bob": Counts(2, 0, 0, 1)}
    assert made.low == 50.0
    assert made.high == pytest.approx(200 / 3)


def test_alignment_shows_the_words_as_said() -> None:
    first = score(HYPS, REFS, UTT2SPK, OPTIONS).utterances[0]
    assert [(pair.op, pair.ref, pair.hyp) for pair in first.pairs] == [
        ("C", "OH", "O"),
        ("C", "ONE", "ONE"),
        ("S", "TWO", "TO"),
    ]


def test_kaldi_line_reads_as_kaldis() -> None:
    assert kaldi_line(Counts(773, 64, 10, 20)) == "%WER 12.16 [ 94 / 773, 10 ins, 20 del, 64 sub ]"


def test_missing_and_unknown_hypotheses_are_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made = score({"ann-1": REFS["ann-1"], "eve-1": ["X"]}, REFS, UTT2SPK, OPTIONS)
    assert made.counts == Counts(5, 0, 0, 2)
    assert made.missing == ["ann-2", "bob-1"]
    assert made.unknown == ["eve-1"]
    assert "2 of 3 utterances have no hypothesis" in caplog.text
    assert "1 hypotheses have no reference" in caplog.text


@pytest.mark.parametrize(
    ("refs", "utt2spk", "sentence"),
    [
        ({}, {}, "no reference utterances"),
        ({"a": []}, {"a": "a"}, "hold no words"),
        ({"a": ["X"]}, {}, "utterance a .1 in all. has no speaker"),
    ],
)
def test_nothing_to_score(refs: dict, utt2spk: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        score({}, refs, utt2spk, OPTIONS)


def test_one_speaker_has_no_interval() -> None:
    made = score({}, {"a": ["X"]}, {"a": "a"}, OPTIONS)
    assert (made.wer, made.low, made.high) == (100.0, None, None)


@given(
    st.dictionaries(
        st.text("ab", min_size=1, max_size=3), st.lists(st.sampled_from("XYZ"), min_size=1, max_size=5), min_size=1
    )
)
def test_saying_what_was_meant_scores_zero(refs: dict[str, list[str]]) -> None:
    made = score(refs, refs, {name: name[0] for name in refs}, OPTIONS)
    assert made.wer == made.wer_raw == 0.0
    assert made.low in (0.0, None)


def _trn(path: Path, texts: dict[str, list[str]]) -> Path:
    path.write_text("".join(f"{' '.join(words)} ({name})\n" for name, words in texts.items()))
    return path


def _sclite(folder: Path, refs: dict[str, list[str]], hyps: dict[str, list[str]]) -> dict[str, Counts]:
    command = ["sclite"] if shutil.which("sclite") else ["sctk", "sclite"]
    files = ["-r", _trn(folder / "ref.trn", refs), "trn", "-h", _trn(folder / "hyp.trn", hyps), "trn"]
    made = subprocess.run(
        [*command, *files, "-i", "rm", "-o", "pra", "stdout"], capture_output=True, text=True, check=True
    )
    blocks = re.findall(r"id: \((\S+)\)\nScores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)", made.stdout)
    return {name: Counts(int(c) + int(s) + int(d), int(s), int(i), int(d)) for name, c, s, d, i in blocks}


@pytest.mark.skipif(
    not (shutil.which("sclite") or shutil.which("sctk")), reason="sclite (Debian's sctk) is not installed"
)
def test_sclite_counts_the_same_or_more(tmp_path: Path) -> None:
    """sclite charges a substitution 4 and a gap 3, so it never finds fewer errors than the least, and rarely more."""
    rng = random.Random(1)
    words = ["one", "two", "three", "four", "five", "six", "seven", "oh"]
    refs = {f"s{i % 9}_{i:03d}": rng.choices(words, k=rng.randint(1, 9)) for i in range(300)}
    hyps = {
        name: [w if rng.random() > 0.15 else rng.choice(words) for w in ref if rng.random() > 0.08]
        + ["six"] * (rng.random() < 0.1)
        for name, ref in refs.items()
    }
    theirs = _sclite(tmp_path, refs, hyps)
    ours = {
        u.name: u.counts for u in score(hyps, refs, {name: name for name in refs}, ScoreOptions(bootstrap=0)).utterances
    }
    assert len(theirs) == 300
    differing = [name for name in refs if ours[name].errors != theirs[name].errors]
    for name in differing:
        print(f"{name} ours {ours[name]} sclite {theirs[name]}\n  ref {refs[name]}\n  hyp {hyps[name]}")
        assert ours[name].errors < theirs[name].errors
    assert len(differing) <= 6
