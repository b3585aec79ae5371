"""The ctm and stm files of audio files and of a set, and what sclite makes of them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile

from asr_prune.cli.main import main
from asr_prune.score.sclite import sctk_command

from .projects import Printed
from .thin import RUN, transcribed

pytestmark = pytest.mark.trains


def test_a_table_and_a_ctm_say_the_same(done: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    transcribed(capsys, *done.files, "--confidence", "--ctm", tmp_path / "out.ctm", "--speaker", "folder")
    _, table, _ = transcribed(capsys, *done.files, "--confidence", "--times", "--speaker", "folder")
    rows = [line.split() for line in table.splitlines() if "\t" not in line]
    ctm = [line.split() for line in (tmp_path / "out.ctm").read_text().splitlines()]
    assert [row[2] for row in rows] == [row[4] for row in ctm] == [w for words in done.files.values() for w in words]
    for (start, end, _, sure), (name, channel, begin, lasts, _, its) in zip(rows, ctm, strict=True):
        assert (name.partition("-")[0], channel) == ("eve", "1")
        assert float(start) == pytest.approx(float(begin), abs=0.006)
        assert float(end) == pytest.approx(float(begin) + float(lasts), abs=0.006)
        assert float(sure) == pytest.approx(float(its), abs=1e-3)
        assert 0 < float(sure) <= 1
    _, unsure, _ = transcribed(capsys, next(iter(done.files)), "--confidence")
    assert [row.split()[:2] for row in unsure.splitlines()[1:]] == [["-", "-"]] * 2


def test_what_is_wrong_with_the_ctm_is_reported_before_any_word(
    done: SimpleNamespace, capsys: Printed, tmp_path: Path
) -> None:
    good, copy = next(iter(done.files)), tmp_path / "eve-0.flac"
    soundfile.write(copy, *soundfile.read(good))
    (tmp_path / "folder.ctm").mkdir()
    content = copy.read_bytes()
    for ctm, files, problem in (
        ("a.ctm", [good, copy], f"{good} and {copy} would both be named eve-0 in the ctm file; rename one"),
        ("folder.ctm", [good], "folder.ctm is a folder; name a file"),
        (copy.name, [good], "eve-0.flac would replace an audio file"),
    ):
        status, out, err = transcribed(capsys, *files, "--ctm", tmp_path / ctm)
        assert (status, out) == (1, "")
        assert problem in err
    assert copy.read_bytes() == content
    assert not (tmp_path / "a.ctm").exists()


def test_the_ctm_of_a_set_has_its_words_and_the_stm_its_references(done: SimpleNamespace, capsys: Printed) -> None:
    for more in ([], ["--confidence"]):
        assert main(["ctm", RUN, "--nj", "1", *more]) == 0
        rows = [line.split() for line in Path(RUN, "score_test.hyp.ctm").read_text().splitlines()]
        assert [len(row) for row in rows] == [5 + len(more)] * len(rows)
        for utt, words in done.words.items():
            assert [row[4] for row in rows if row[0] == utt] == words
    lines_of_stm = Path(RUN, "score_test.ref.stm").read_text().splitlines()
    assert [line.split()[5:] for line in lines_of_stm] == list(done.text.values())
    assert all(line.split()[:4] == [f"eve-{i}", "1", "eve", "0.000"] for i, line in enumerate(lines_of_stm))


def test_sclite_scores_the_ctm_as_the_stage_score(done: SimpleNamespace) -> None:
    if not sctk_command("sclite"):
        pytest.skip("NIST's sclite (Debian's package sctk) is not installed")
    assert main(["ctm", RUN, "--nj", "1"]) == 0
    files = ["-r", "score_test.ref.stm", "stm", "-h", "score_test.hyp.ctm", "ctm", "-s", "-o", "sgml", "stdout"]
    output = subprocess.run(
        [*sctk_command("sclite"), *files], cwd=RUN, capture_output=True, text=True, check=True
    ).stdout
    ops = "".join(re.findall(r"(?:^|:)([CSID]),", output, re.MULTILINE))
    scored = json.loads(Path(RUN, "score_test.json").read_text())
    assert len(ops) - ops.count("I") == scored["words"]
    assert len(ops) - ops.count("C") >= sum(scored["errors"].values())
