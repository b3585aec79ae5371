"""A packed model has the words of its run, in any folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

import asr_prune
from asr_prune.cli.main import main
from asr_prune.transcribe.packed import PackedFile

from .packing import FBANK, RUN
from .projects import Printed, said

pytestmark = pytest.mark.trains


def test_words_and_times_are_those_of_the_run(case: SimpleNamespace, capsys: Printed) -> None:
    for more in ((), ("--times", "--confidence", "--json"), ("--speaker", "all")):
        os.chdir(case.here)
        status, of_run, _ = said(capsys, RUN, *case.wavs, *more, *case.options)
        assert status == 0
        os.chdir(case.away)
        assert said(capsys, case.packed.name, *case.wavs, *more)[:2] == (0, of_run)
        assert sum(map(str.isupper, of_run)) > 20


def test_ctm_weight_and_penalty_too(case: SimpleNamespace, capsys: Printed) -> None:
    more = ("--lm-weight", 3, "--penalty", 0.5, "--ctm", case.away / "a.ctm")
    os.chdir(case.here)
    of_run = said(capsys, RUN, *case.wavs, *more, *case.options)[1]
    ctm = (case.away / "a.ctm").read_text()
    os.chdir(case.away)
    assert said(capsys, case.packed, *case.wavs, *more)[1] == of_run
    assert (case.away / "a.ctm").read_text() == ctm


def test_python_has_the_same_words(case: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    lines = said(capsys, case.packed, *case.wavs)[1]
    os.chdir(tmp_path)
    model = asr_prune.load(case.packed, nj=1)
    assert [model.transcribe(wav).line for wav in case.wavs] == lines.splitlines()
    timed = asr_prune.load(case.packed, times=True, confidence=True).transcribe(case.wavs[0])
    assert all(word.end and word.confidence for word in timed.words)
    assert model.network.widths == PackedFile.open(case.packed).card["nodes"]
    if case.name == "sat":
        _check_other_process(case, lines, tmp_path)


def _check_other_process(case: SimpleNamespace, lines: str, folder: Path) -> None:
    """In an empty folder, which stays empty, though temporary files would go there."""
    code = (
        "import sys, asr_prune\n"
        "model = asr_prune.load(sys.argv[1], nj=1)\n"
        "for wav in sys.argv[2:]: print(model.transcribe(wav).line)\n"
    )
    command = [sys.executable, "-c", code, str(case.packed), *case.wavs]
    root = Path(asr_prune.__file__).parent.parent
    environment = os.environ | {"PYTHONPATH": str(root), "TMPDIR": str(folder)}
    kept = {"capture_output": True, "text": True, "check": False}
    done = subprocess.run(command, cwd=folder, env=environment, **kept)
    assert done.stdout == lines, done.stderr
    assert list(folder.iterdir()) == []


def test_only_what_recognition_reads_is_in_the_file(case: SimpleNamespace) -> None:
    packed = PackedFile.open(case.packed)
    kinds = {name.split("/")[0] for name in packed.sizes} - {"network.safetensors"}
    expected = {"greedy": set(), "graph": {"graph", "lang"}}
    assert kinds == expected.get(case.name, {"graph", "lang", "hmm"})
    assert ("hmm/final.alimdl" in packed.sizes) == (case.name == "sat")
    assert packed.card["adapted"] == (case.name == "sat")
    assert packed.card["recipe"] == "tones"
    assert packed.card["nodes"] == [48, 32] if case.name in ("greedy", "graph") else [24, 16]
    assert packed.card["wer_test"] is not None
    assert str(case.here).encode() not in case.packed.read_bytes()
    assert str(case.here) not in json.dumps(packed.card)


def test_the_same_run_makes_the_same_file(case: SimpleNamespace) -> None:
    os.chdir(case.here)
    again = case.away / "again.asr"
    assert main(["pack", RUN, str(again), *case.options]) == 0
    assert again.read_bytes() == case.packed.read_bytes()


def test_two_models_are_compared(projects: dict[str, Path], capsys: Printed, tmp_path: Path) -> None:
    os.chdir(projects[FBANK])
    assert main(["pack", RUN, str(tmp_path / "a.asr"), "--beside", RUN]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows[-3:]] == ["run", "dense", "dense"]
    assert rows[-1].split()[1:5] == rows[-2].split()[1:5]
    assert f"{(tmp_path / 'a.asr').stat().st_size:,}" in rows[-1]


def test_bad_requests_are_one_sentence(
    fbank: SimpleNamespace, projects: dict[str, Path], capsys: Printed, tmp_path: Path
) -> None:
    for option in ("--recipe", "--set"):
        status, out, err = said(capsys, fbank.packed, fbank.wav, option, "seed=2")
        assert (status, out) == (1, "")
        assert f"{option} goes with the folder of a run" in err
    assert "absent.asr is missing" in said(capsys, tmp_path / "absent.asr", fbank.wav)[2]
    os.chdir(projects[FBANK])
    (tmp_path / "mine.asr").write_text("my notes")
    with zipfile.ZipFile(tmp_path / "other.asr", "w") as archive:
        archive.writestr("notes", "mine")
    none = "exists and is no packed model"
    for out, text in (("mine.asr", none), ("other.asr", none), ("a.zip", "ends in .asr")):
        assert main(["pack", RUN, str(tmp_path / out)]) == 1
        assert text in capsys.readouterr().err
    assert (tmp_path / "mine.asr").read_text() == "my notes"
    assert zipfile.ZipFile(tmp_path / "other.asr").namelist() == ["notes"]
    scored = Path(RUN, "score_dev.json")
    scored.rename(tmp_path / "away")
    try:
        assert main(["pack", RUN, str(tmp_path / "b.asr")]) == 1
        assert "run the score stage" in capsys.readouterr().err
    finally:
        (tmp_path / "away").rename(scored)
    assert not (tmp_path / "b.asr").exists()
