"""How a processor is called."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from asr_prune.workflow import processor


@pytest.mark.parametrize(
    ("cpuinfo", "called"),
    [
        (
            "cpu family\t: 6\nmodel\t\t: 167\nmodel name\t: A: CPU @ 3 GHz\n\nmodel\t\t: 9\n",
            "A: CPU @ 3 GHz (family 6, model 167)",
        ),
        ("model name\t: Power\n", "Power"),
        ("", platform.processor() or platform.machine()),
    ],
)
def test_family_and_model_tell_processors_of_one_name_apart(
    cpuinfo: str, called: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "cpuinfo")
    assert processor.this_machine()["processor"] == called
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "none")
    assert processor.this_machine()["processor"] == (platform.processor() or platform.machine())
