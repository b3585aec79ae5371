"""sclite's alignments beside ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.score.options import ScoreOptions
from asr_prune.score.sclite import format_judgement, judge, sclite_ops, sclite_sgml, sctk_command
from asr_prune.score.table import read_utterances
from asr_prune.score.wer import score
from asr_prune.score.write import write_score

from .conftest import Made

SGML = """<SYSTEM title="hyp.trn" ref_fname="ref.trn" case_sense="1">
<SPEAKER id="ann">
<PATH id="(ann-1)" word_cnt="4" sequence="0" case_sense="1">
C,"ONE","ONE":S,"TWO","TO":I,,"A:B":D,"C,D",
</PATH>
<PATH id="(ann-2)" word_cnt="1" sequence="1" case_sense="1">
I,,"UH"
</PATH>
</SPEAKER>
</SYSTEM>
"""
REFS = {"ann-1": ["ONE", "TWO", "C,D"], "ann-2": []}
HYPS = {"ann-1": ["ONE", "TO", "A:B"], "ann-2": ["UH"]}
OURS = score(HYPS, REFS, dict.fromkeys(REFS, "ann"), ScoreOptions(bootstrap=0)).utterances


def test_ops_are_read_from_sclites_sgml() -> None:
    assert sclite_ops(SGML) == {"ann-1": "CSID", "ann-2": "I"}


def test_an_utterance_counted_otherwise_is_shown_with_both_alignments() -> None:
    text = format_judgement(judge(OURS, SGML))
    assert text.splitlines()[:3] == [
        "ours    %WER 100.00 [ 3 / 3, 1 ins, 0 del, 2 sub ]",
        "sclite  %WER 133.33 [ 4 / 3, 2 ins, 1 del, 1 sub ]",
        "1 of 2 utterances differ in their counts",
    ]
    assert "ann-1 hyp   ONE   TO  A:B  ***" in text
    assert "ann-2 hyp" not in text


def test_sentences_that_sclite_read_otherwise_are_one_sentence() -> None:
    with pytest.raises(UserError, match="sclite misread the utterance ann-2"):
        judge(OURS, SGML.replace("ann-2", "bob-2"))


def test_without_sclite_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sctk_command("sclite") == []
    with pytest.raises(UserError, match="sclite is not installed; install NIST's SCTK"):
        sclite_sgml(tmp_path / "ref.trn", tmp_path / "hyp.trn")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo one; echo two >&2; echo the cause >&2; exit 1", "the cause"),
        ("echo one; echo the cause; exit 1", "the cause"),
        ("exit 1", "it printed no message"),
        ("echo no alignments", "no alignments"),
    ],
)
@pytest.mark.parametrize("name", ["sclite", "sctk"])
def test_the_last_line_of_a_program_that_fails_is_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, script: str, reason: str
) -> None:
    """A program of that name, which is Debian's wrapper or sclite itself."""
    (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / name).chmod(0o755)
    for file in ("ref.trn", "hyp.trn"):
        (tmp_path / file).write_text("ONE (a-1)\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sctk_command("sclite") == (["sclite"] if name == "sclite" else ["sctk", "sclite"])
    with pytest.raises(UserError, match=rf"sclite could not score .*hyp\.trn against .*ref\.trn: {reason}\.$"):
        sclite_sgml(tmp_path / "ref.trn", tmp_path / "hyp.trn")


def test_sclite_counts_the_same_or_more(sctk: None, recognised: Made, tmp_path: Path) -> None:
    """sclite charges a substitution 4 and a gap 3, so it never finds fewer errors than the least, and rarely more."""
    output = recognised.score(recognised.first)
    write_score(tmp_path / "score.json", output)
    sgml = sclite_sgml(tmp_path / "score.ref.trn", tmp_path / "score.hyp.trn")
    judged = judge(output.utterances, sgml)
    assert len(judged.theirs) == 300
    assert all(our.counts.errors <= their.counts.errors for our, their in judged.differing)
    assert len(judged.differing) <= 10
    print(format_judgement(judged))


def test_names_words_and_equivalents_reach_sclite(sctk: None, tmp_path: Path) -> None:
    refs = {"x-1": ["Ü", "OH", "we'll"], "Y": ["a", "B"], "empty": []}
    hyps = {"x-1": ["Ü", "O", "well"], "Y": ["A", "B"], "empty": ["C"]}
    output = score(hyps, refs, {"x-1": "x", "Y": "m_1", "empty": "m_1"}, ScoreOptions(equivalents=[["O", "OH"]]))
    write_score(tmp_path / "score.json", output)
    sgml = sclite_sgml(tmp_path / "score.ref.trn", tmp_path / "score.hyp.trn")
    assert judge(output.utterances, sgml).differing == []
    assert '<SPEAKER id="m.1">' in sgml


MARKED = {
    "cmh-01": ("i've { um / uh / @ } as far as i'm concerned", "i've as far as i'm concerned"),
    "cmh-02": ("I am a (farmer)", "I am a"),
    "cmh-03": ("I am a (farmer)", "I am a farm"),
    "cmh-04": ("I am a (farmer) now", "I am a farmer now"),
    "cmh-05": ("{ going to / gonna } go", "gonna go"),
    "cmh-06": ("{ going to / gonna } go", "going go"),
    "cmh-07": ("{ gonna / going to } go", "to go"),
    "cmh-08": ("a { b / { c / d e } f } g", "a d e f g"),
    "cmh-09": ("well (uh) yes", "well oh yes"),
    "cmh-10": ("x {a/b} y", "x b y"),
    "cmh-11": ("x { (a) / b c } y", "x y"),
    "cmh-12": ("(x) (y)", ""),
    "cmh-13": ("x { a / @ } y", "x a a y"),
    "cmh-14": ("{ a b / @ } { @ / c } d", "d e"),
    "cmh-15": ("{ @ / one / two three } (four)", "five six"),
}
#: [C S D I] of `sclite -s -D` 2.4.10
COUNTED = ("6000", "4000", "3100", "5000", "2000", "2010", "2010", "5000", "2100", "3000", "3000", "2000")
COUNTED = (*COUNTED, "3001", "1001", "0101")


def test_references_with_alternatives_are_counted_as_sclite_does(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    refs, hyps = ({name: pair[side].split() for name, pair in MARKED.items()} for side in (0, 1))
    output = score(hyps, refs, dict.fromkeys(refs, "cmh"), ScoreOptions(bootstrap=0))
    counts = [u.counts for u in output.utterances]
    assert [f"{c.correct}{c.substitutions}{c.deletions}{c.insertions}" for c in counts] == list(COUNTED)
    write_score(tmp_path / "score.json", output)
    read = read_utterances(tmp_path / "score.utts.tsv")
    assert read == output.utterances
    request.getfixturevalue("sctk")
    sgml = sclite_sgml(tmp_path / "score.ref.trn", tmp_path / "score.hyp.trn", optional=True)
    judged = judge(read, sgml)
    assert judged.differing == []
    words = [[[word.strip("()") for word in u.ref] for u in side] for side in (judged.theirs, read)]
    assert words[0] == words[1]


def test_a_file_that_is_missing_or_damaged_is_one_sentence(sctk: None, tmp_path: Path) -> None:
    (tmp_path / "ref.trn").write_text("ONE (a-1)\n")
    with pytest.raises(UserError, match=r"hyp.trn is missing; run the stage score"):
        sclite_sgml(tmp_path / "ref.trn", tmp_path / "hyp.trn")
    (tmp_path / "hyp.trn").write_text("no name at the end\n")
    with pytest.raises(UserError, match="sclite could not score"):
        sclite_sgml(tmp_path / "ref.trn", tmp_path / "hyp.trn")
