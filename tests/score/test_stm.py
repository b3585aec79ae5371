"""References as stm, and sclite reading them where it is installed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from asr_prune.score.ctm import TimedWord, write_ctm
from asr_prune.score.sclite import sctk_command
from asr_prune.score.stm import StmSegment, write_stm

REFS = {
    "a": ["ONE", "<noise>"],
    "b": ["<noise>", "ONE"],
    "c": [],
    "d": ["<O,F>"],
    "e": ["{", "<um>", "/", "@", "}", "ONE", "(TWO)"],
}


@pytest.mark.parametrize(
    ("words", "end"),
    [("b", "1.500 <> <noise> ONE"), ("d", "1.500 <> <O,F>"), ("a", "1.500 ONE <noise>"), ("c", "1.500")],
)
def test_a_first_word_in_angles_is_no_label(words: str, end: str) -> None:
    assert StmSegment("r", "1", "s", 0.0, 1.5, REFS[words]).line == f"r 1 s 0.000 {end}"


def test_sclite_reads_every_word(sctk: None, tmp_path: Path) -> None:
    said = {**REFS, "e": ["ONE"]}
    words = [TimedWord(name, "1", i * 0.5, 0.25, word) for name in said for i, word in enumerate(said[name])]
    write_ctm(tmp_path / "h.ctm", [*words, TimedWord("z", "1", 0, 0.1, "END")])
    segments = [StmSegment(name, "1", "s", 0, 5, ref) for name, ref in {**REFS, "z": ["END"]}.items()]
    write_stm(tmp_path / "r.stm", segments)
    files = ["-r", str(tmp_path / "r.stm"), "stm", "-h", str(tmp_path / "h.ctm"), "ctm"]
    command = [*sctk_command("sclite"), "-s", "-D", *files, "-o", "sgml", "stdout"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.findall(r'(?:^|:)([CSID]),"?([^",]*)', printed, re.MULTILINE) == [
        *(("C", "ONE"), ("C", "<noise>"), ("C", "<noise>"), ("C", "ONE"), ("C", "<O")),
        *(("C", "ONE"), ("C", "(TWO)"), ("C", "END")),
    ]
