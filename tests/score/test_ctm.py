"""Words with times, and sclite reading them where it is installed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from asr_prune.score.ctm import TimedWord, ctm_line, write_ctm
from asr_prune.score.sclite import sctk_command

from .conftest import Made


def test_lines_are_in_the_order_of_sclite(tmp_path: Path) -> None:
    words = [
        TimedWord("b-1", "1", 0.5, 0.25, "TWO", 1),
        TimedWord("b-1", "1", 0.0, 0.5, "ONE", 0.98765),
        TimedWord("a-1", "A", 10.0, 0.0, "Ü"),
        TimedWord("a-1", "A", 9.5, 0.5, "OH"),
    ]
    write_ctm(tmp_path / "score_test.ctm", words)
    assert (tmp_path / "score_test.ctm").read_text(encoding="utf-8").splitlines() == [
        "a-1 A 9.500 0.500 OH",
        "a-1 A 10.000 0.000 Ü",
        "b-1 1 0.000 0.500 ONE 0.9877",
        "b-1 1 0.500 0.250 TWO 1.0000",
    ]


def test_words_that_touch_still_touch_when_rounded() -> None:
    shift = 1 / 3 * 0.01
    first, second = TimedWord("a", "1", shift, 7 * shift, "A"), TimedWord("a", "1", 8 * shift, shift, "B")
    _, _, start, duration, _ = ctm_line(first).split()
    assert float(start) + float(duration) == pytest.approx(float(ctm_line(second).split()[2]))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"word": "TWO WORDS"}, "one word each"),
        ({"recording": ""}, "one word each"),
        ({"start": -0.1}, "zero or more seconds"),
        ({"duration": float("nan")}, "zero or more seconds"),
        ({"confidence": 1.5}, "must be between 0 and 1"),
    ],
)
def test_what_is_no_timed_word_is_refused(wrong: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        TimedWord(**{"recording": "a", "channel": "1", "start": 0.0, "duration": 1.0, "word": "A", **wrong})


def test_sclite_scores_the_ctm_as_the_sentences(sctk: None, recognised: Made, tmp_path: Path) -> None:
    timed, segments = [], []
    for name, ref in sorted(recognised.refs.items()):
        hyp = recognised.first[name]
        timed += [TimedWord(name, "1", i * 0.3, 0.3, word, 0.5) for i, word in enumerate(hyp)]
        segments.append(f"{name} 1 {name.split('-')[0]} 0.00 60.00 {' '.join(ref)}\n")
    write_ctm(tmp_path / "hyp.ctm", timed)
    (tmp_path / "ref.stm").write_text("".join(segments))
    files = ["-r", "ref.stm", "stm", "-h", "hyp.ctm", "ctm", "-s", "-o", "sgml", "stdout"]
    done = subprocess.run([*sctk_command("sclite"), *files], cwd=tmp_path, capture_output=True, text=True, check=True)
    ops = "".join(re.findall(r"(?:^|:)([CSID]),", done.stdout, re.MULTILINE))
    counts = recognised.score(recognised.first).counts
    assert '"three",0.900+1.200,0.500000' in done.stdout
    assert len(ops) - ops.count("I") == counts.words
    assert counts.errors <= len(ops) - ops.count("C") <= counts.errors + 10


def test_nists_validator_takes_it(sctk: None, tmp_path: Path) -> None:
    write_ctm(tmp_path / "hyp.ctm", [TimedWord("a-1", "1", i / 3, 1 / 3, "WE'LL", i / 3) for i in range(3)])
    command = [*sctk_command("ctmValidator.pl"), "-l", "english", "-i", str(tmp_path / "hyp.ctm")]
    assert "Validated" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
