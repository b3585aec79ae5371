"""Checks of a data directory by the workers of a Dask scheduler."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.cli.main import main
from tests.spread.conftest import Dask

FILES = 5


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory in a project's folder; the last of its files is no audio."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    folder = Path("data/own")
    folder.mkdir(parents=True)
    names = [f"s-{i}" for i in range(FILES)]
    for name in names:
        soundfile.write(folder / f"{name}.wav", np.zeros(16000, np.int16), 16000)
    (folder / f"{names[-1]}.wav").write_text("no audio")
    for table, value in (("wav.scp", "data/own/{}.wav"), ("utt2spk", "s"), ("text", "YES")):
        (folder / table).write_text("".join(f"{name} {value.format(name)}\n" for name in names))
    (folder / "spk2utt").write_text(f"s {' '.join(names)}\n")
    return folder


def test_workers_find_what_this_machine_finds(dask: Dask, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dask.start_worker()
    there = ["--executor", dask.address]
    assert main(["validate", str(data)]) == 1
    alone = capsys.readouterr().out
    assert main(["validate", str(data), *there]) == 1
    shared = capsys.readouterr()
    assert shared.out == alone
    assert f"s-{FILES - 1}" in alone
    assert f"executor: Dask at {dask.address}" in shared.err
    assert main(["fix", str(data), *there]) == 0
    assert "dropped" in capsys.readouterr().out
    assert main(["validate", str(data), *there]) == 0
    assert sorted(os.listdir()) == ["data"]


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("Dask", "there is no file Dask; --executor takes local, "),
        ("tcp://host", "address must look like tcp://host:8786, not 'tcp://host'"),
    ],
)
def test_what_no_executor_is_is_said(where: str, told: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["validate", str(data), "--executor", where])
    assert f"argument --executor: {told}" in capsys.readouterr().err


def test_local_and_files_are_taken_without_a_recipe(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(data), "--executor", "local"]) == 1
    Path("own.yaml").write_text("executor: {type: dask, cluster: {type: slurm, walltime: '1:00:00'}}\n")
    capsys.readouterr()
    assert main(["validate", str(data), "--executor", "own.yaml"]) == 1
    assert "executor.cluster.type slurm needs the command sbatch" in capsys.readouterr().err
