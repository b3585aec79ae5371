from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.features.online.conf import read_conf
from asr_prune.features.online.settings import (
    FbankConf,
    IvectorConf,
    MfccConf,
    OnlineConf,
    SpliceConf,
)


def conf(path: Path, text: str) -> Path:
    (path / "x.conf").write_text(text)
    return path / "x.conf"


def test_lines_are_options(tmp_path: Path) -> None:
    text = "# all\r\n\n --num-ceps = 20\n--num_mel_bins=30 # comment\n--USE-energy=f\n--htk-compat\n"
    read = read_conf(conf(tmp_path, text.replace(" = ", "=")), MfccConf)
    assert (read.num_ceps, read.num_mel_bins, read.use_energy, read.htk_compat) == (
        20,
        30,
        False,
        True,
    )
    assert read_conf(conf(tmp_path, ""), FbankConf) == FbankConf()
    others = read_conf(conf(tmp_path, "--endpoint.rule2=1\n--feature-type=fbank\n"), OnlineConf, others=True)
    assert others.feature_type == "fbank"


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        (
            MfccConf,
            "num-ceps=13",
            r"x.conf:1: 'num-ceps=13' is no line of the form --option=value; correct it\.",
        ),
        (MfccConf, "--=3", r"x.conf:1: '--=3' is no line"),
        (
            MfccConf,
            "\n--num-cep=13",
            r"x.conf:2: --num-cep is not an option .*; write --num-ceps\.",
        ),
        (
            MfccConf,
            "--quantum=1",
            r"x.conf:1: --quantum is not an option .* needs it cannot be used\.",
        ),
        (
            MfccConf,
            "--num-ceps=many",
            r"x.conf:1: --num-ceps must be a whole number, not 'many'; correct it\.",
        ),
        (MfccConf, "--use-energy=perhaps", r"--use-energy must be true or false, not 'perhaps'"),
        (MfccConf, "--low-freq=low", r"--low-freq must be a number, not 'low'"),
        (
            MfccConf,
            "--num-ceps=24",
            r"x.conf: --num-ceps must be at most num-mel-bins \(23\); correct it\.",
        ),
        (MfccConf, "--frame-shift=0", r"x.conf: --frame-shift must be positive"),
        (SpliceConf, "--left-context=-1", r"must not be negative"),
        (IvectorConf, "--num-gselect=0", r"--num-gselect must be positive"),
        (IvectorConf, "--min-post=0.5", r"--min-post must be at least 0 and below 0.5"),
        (IvectorConf, "--posterior-scale=2", r"--posterior-scale must be above 0 and at most 1"),
        (IvectorConf, "--max-count=-1", r"must not be negative"),
    ],
)
def test_a_line_that_is_wrong(tmp_path: Path, kind: type, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_conf(conf(tmp_path, text), kind)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*x.conf: No such file"):
        read_conf(tmp_path / "x.conf", MfccConf)
