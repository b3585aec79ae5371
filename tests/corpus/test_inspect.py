"""Audio files that are opened in several processes: what is found, and in which order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.cli.main import main
from asr_prune.corpus import inspect
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.inspect import inspect_audio
from asr_prune.spread.executor import LocalExecutor, chosen


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Good and bad ones in turn."""
    dice = np.random.default_rng(0)
    for name, rate, channels in (("good", 16000, 1), ("slow", 8000, 1), ("two", 16000, 2)):
        soundfile.write(tmp_path / f"{name}.wav", dice.uniform(-0.5, 0.5, (2000, channels)), rate)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "good.wav").read_bytes()[:900])
    (tmp_path / "text.wav").write_text("no audio")
    names = ("good", "slow", "good", "two", "cut", "good", "text", "gone", "good")
    return {f"utt{i:03d}": str(tmp_path / f"{names[(i * i + i // 4) % 9]}.wav") for i in range(60)}


@pytest.mark.parametrize("decode", [True, False])
def test_two_processes_find_what_one_finds(
    files: dict[str, str], decode: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect, "_TASK_FILES", 7)
    one, two = (inspect_audio(files, None, decode, nj=nj) for nj in (1, 2))
    assert one == two
    assert {kind: list(found) for kind, found in one.problems.items()} == {
        kind: list(found) for kind, found in two.problems.items()
    }
    assert list(one.seconds) == list(two.seconds)
    assert len(one.problems) > 3


def test_a_read_only_folder_is_validated_in_two_processes(
    data: DataDir, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inspect, "_TASK_FILES", 1)
    before = sorted(data.path.parent.rglob("*"))
    data.path.chmod(0o555)
    assert main(["validate", str(data.path), "--nj", "2"]) == 0
    assert "is valid" in capsys.readouterr().out
    data.path.chmod(0o755)
    assert sorted(data.path.parent.rglob("*")) == before


def test_where_work_is_done_elsewhere_too(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect, "_TASK_FILES", 7)
    alone = inspect_audio(files)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with chosen(LocalExecutor(2)):
        assert inspect_audio(files) == alone
    assert sorted(tmp_path.rglob("*")) == before
