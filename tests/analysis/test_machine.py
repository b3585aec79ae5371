"""What this machine has."""

from __future__ import annotations

import resource
import sys

import pytest

from asr_prune.analysis.machine import peak_memory


@pytest.mark.parametrize(("system", "unit"), [("linux", 1024), ("darwin", 1)])
def test_peak_memory_is_in_bytes(system: str, unit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    monkeypatch.setattr(sys, "platform", system)
    after = peak_memory() / unit
    assert before <= after <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_windows_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert peak_memory() == 0
