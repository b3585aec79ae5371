"""Our validate and fix beside Kaldi's; where KALDI_ROOT names a Kaldi tree, its script runs too."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from asr_prune.corpus.fix import fix
from asr_prune.corpus.validate import validate
from asr_prune.errors import UserError

from .spoiled import REFUSES, SPOILED, Spoiled, make, spoil

KALDI = Path(os.environ.get("KALDI_ROOT", "/nowhere")) / "egs/wsj/s5"
cases = pytest.mark.parametrize("case", SPOILED.values(), ids=list(SPOILED))
needs_kaldi = pytest.mark.skipif(not KALDI.is_dir(), reason="KALDI_ROOT names no Kaldi tree")


def kaldi(script: str, data: Path, *options: str) -> str:
    """What a script of Kaldi says; `locale -a` of some systems spells C.UTF-8 as it does not expect."""
    programs = data.parent / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "locale").write_text("#!/bin/sh\necho C.UTF-8\n")
    (programs / "locale").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    command = ["bash", f"utils/{script}", *options, str(data)]
    done = subprocess.run(command, cwd=KALDI, env={**os.environ, "PATH": path}, capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")


def kaldi_passes(data: Path) -> bool:
    return "Successfully validated" in kaldi("validate_data_dir.sh", data, "--no-feats")


@cases
def test_what_kaldi_refuses_is_refused_and_what_it_passes_passes(tmp_path: Path, case: Spoiled) -> None:
    problems = validate(spoil(tmp_path, case))
    assert (not problems) == (case.kaldi if case.ours is None else case.ours)
    assert all(re.fullmatch(r"\S*/data.*[.]", problem) for problem in problems)


@cases
def test_what_is_fixed_is_valid_and_said(tmp_path: Path, case: Spoiled) -> None:
    data = spoil(tmp_path, case)
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    try:
        said = fix(data)
    except UserError:
        assert not case.fixed
        assert before == {path.name: path.read_bytes() for path in data.iterdir()}
        return
    assert (validate(data) == []) == case.fixed
    after = {path.name: path.read_bytes() for path in data.iterdir() if path.is_file()}
    assert (before != after) == bool(said)
    assert all((data / ".backup" / name).read_bytes() == before[name] for name in before if said)
    assert fix(data) == []


@needs_kaldi
@cases
def test_the_recorded_verdicts_are_kaldis(tmp_path: Path, case: Spoiled) -> None:
    data = spoil(tmp_path, case)
    assert kaldi_passes(data) == case.kaldi
    if case.fixed:
        fix(data)
        assert kaldi_passes(data)


def said_of(tmp_path: Path, *cases: Spoiled) -> list[str]:
    data = make(tmp_path, cases[0].cut)
    for case in cases:
        path = data / case.file
        path.write_bytes(re.sub(case.pattern, case.by or "", path.read_text(), count=1).encode())
    return [sentence.replace(str(data), "DATA") for sentence in fix(data)]


def test_all_that_is_done_is_said_with_counts(tmp_path: Path) -> None:
    assert said_of(
        tmp_path,
        Spoiled("text", "YES NO\nann-2", "YES\x07 NO\r\nann-2", REFUSES),
        Spoiled("utt2spk", "ann-2 ", "ann-2\t", REFUSES),
        Spoiled("utt2lang", r"\n\Z", "", REFUSES),
        Spoiled("utt2dur", "ann-1.*\nann-2.*", "ann-1 0\nzoe-1 1", REFUSES),
        Spoiled("utt2num_frames", "ann-1.*", "ann-1 x", REFUSES),
        Spoiled("spk2utt", "ann-1 ann-2", "ann-2 ann-1", REFUSES),
    ) == [
        "text: removed Windows line ends in line 1.",
        "text: replaced control characters or Unicode blanks (U+0007) by spaces in line 1.",
        "text: removed surplus spaces in line 1.",
        "utt2spk: replaced tabs by spaces in line 2.",
        "utt2lang: added the last newline.",
        "utt2dur: sorted.",
        "utt2dur: removed 1 line of no utterance here: zoe-1.",
        "utt2dur: computed 2 durations: ann-1, ann-2.",
        "utt2num_frames: removed, since it lacks 1 utterance: ann-1; Kaldi's get_utt2num_frames.sh writes it anew.",
        "spk2utt: written anew from utt2spk.",
        "the original files are in DATA/.backup.",
    ]
