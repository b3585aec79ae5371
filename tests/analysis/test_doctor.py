"""asr-prune doctor, with fake metadata, a library that hangs, and machines that lack something."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from asr_prune.analysis import doctor
from asr_prune.analysis.doctor import IMPORTS, Diagnosis, diagnose
from asr_prune.analysis.machine import Machine
from asr_prune.cli.main import main

REQUIRES = ("kaldifst==1.7.17", "kaldilm==1.15.4", 'espeakng-loader>=0.2; extra == "demo"')
IDLE = Machine("Linux x86_64", 4, 0.5, 8 * 10**9, 50 * 10**9, True)
QUICK = {"kaldilm": "import kaldilm", "kaldifst": "import kaldifst"}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in front of sys.path, here and in subprocesses, with metadata of its own."""
    add_metadata(tmp_path, "asr_prune", "9.9", REQUIRES)
    add_metadata(tmp_path, "kaldifst", "1.7.17")
    add_metadata(tmp_path, "kaldilm", "1.15.4")
    for name in QUICK:
        (tmp_path / f"{name}.py").touch()
    (tmp_path / "torch.py").write_text("raise ImportError('no torch')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name in doctor.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(Machine, "here", lambda: IDLE)
    return tmp_path


def add_metadata(folder: Path, name: str, version: str, requires: tuple[str, ...] = ()) -> None:
    place = folder / f"{name}-{version}.dist-info"
    place.mkdir()
    lines = [f"Name: {name}", f"Version: {version}", "Requires-Python: >=3.11"]
    text = "\n".join([*lines, *(f"Requires-Dist: {line}" for line in requires)])
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\n{text}\n")


def replace_version(folder: Path, name: str, version: str) -> None:
    (place,) = folder.glob(f"{name}-*.dist-info")
    place.rename(folder / f"{name}-0.dist-info")
    text = (folder / f"{name}-0.dist-info/METADATA").read_text()
    changed = re.sub(r"^Version: .*$", f"Version: {version}", text, flags=re.M)
    (folder / f"{name}-0.dist-info/METADATA").write_text(changed)


def texts(found: Diagnosis) -> list[str]:
    """The problems; the commands that they end with are commands."""
    for problem in found.problems:
        sentence, marker, command = problem.text.partition("run: ")
        assert "\n" not in sentence
        if marker:
            subprocess.run(["bash", "-n", "-c", command], check=True)
            assert shlex.split(command)
        else:
            assert sentence.endswith(".")
    return [problem.text for problem in found.problems]


def examined(imports: Mapping[str, str] = QUICK, limit: float = 5.0) -> Diagnosis:
    return diagnose(limit, imports)


def test_all_is_well(installed: Path) -> None:
    found = examined()
    assert texts(found) == []
    assert not found.stops
    assert {name: one.error for name, one in found.imports.items()} == {"kaldilm": "", "kaldifst": ""}


def test_a_version_that_is_not_pinned_stops_work(installed: Path) -> None:
    replace_version(installed, "kaldifst", "1.8.0")
    found = examined()
    (text,) = texts(found)
    assert text.startswith("kaldifst is 1.8.0 and asr_prune needs ==1.7.17; run: ")
    assert text.endswith(" kaldifst==1.7.17")
    assert found.stops


def test_a_library_that_hangs_names_the_pin_that_differs(installed: Path) -> None:
    replace_version(installed, "kaldifst", "1.8.0")
    (installed / "kaldilm.py").write_text("import time; time.sleep(60)")
    text = texts(examined(limit=2.0))[1]
    reason = "hangs at import (2 s) because versions differ: kaldifst is 1.8.0, pinned ==1.7.17"
    assert text.startswith(f"kaldilm {reason}; run: ")
    assert text.endswith("pip install kaldifst==1.7.17")


def test_a_library_that_fails_with_the_right_version_is_installed_again(installed: Path) -> None:
    (installed / "kaldifst.py").write_text("raise OSError('libfst.so: not there')")
    (text,) = texts(examined())
    assert text.startswith("kaldifst cannot be imported (OSError: libfst.so: not there); run: ")
    assert " --force-reinstall --no-deps " in text


def test_extras_that_are_absent_are_no_problem(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = doctor.library_requirements("asr_prune")
    absent = [replace(one, installed="") if one.extra else one for one in real]
    monkeypatch.setattr(doctor, "library_requirements", lambda name: absent)
    found = examined(QUICK | {"espeakng-loader": IMPORTS["espeakng-loader"]})
    assert texts(found) == []
    assert "espeakng-loader" not in found.imports


def test_a_missing_library_and_the_wrong_python(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in installed.glob("kaldilm-*/METADATA"):
        place.write_text(place.read_text().replace("1.15.4", "0"))
    real = doctor.library_requirements("asr_prune")
    absent = [replace(one, installed="") for one in real if one.name == "kaldilm"]
    monkeypatch.setattr(doctor, "library_requirements", lambda name: absent)
    wrong = replace(doctor.python_requirement("asr_prune"), installed="3.9.2")
    monkeypatch.setattr(doctor, "python_requirement", lambda name: wrong)
    python, library = texts(examined())
    assert python.startswith("Python is 3.9.2 and asr_prune needs >=3.11; in the folder of asr_prune")
    assert library.startswith("kaldilm is missing and asr_prune needs ==1.15.4; run: ")


@pytest.mark.parametrize(
    ("machine", "text", "stops"),
    [
        (replace(IDLE, load=6.0), "other programs keep the 4 cores busy (load 6.0)", False),
        (replace(IDLE, memory=5 * 10**8), "only 0.5 GB of memory are free", False),
        (replace(IDLE, disk=10**9), "only 1.0 GB of disk are free", False),
        (replace(IDLE, disk=10**7), "only 0.0 GB of disk are free", True),
        (replace(IDLE, writable=False), "cannot be written; change to a folder", True),
    ],
)
def test_what_the_machine_lacks(
    installed: Path, monkeypatch: pytest.MonkeyPatch, machine: Machine, text: str, stops: bool
) -> None:
    monkeypatch.setattr(Machine, "here", lambda: machine)
    found = examined()
    (only,) = texts(found)
    assert text in only
    assert found.stops == stops


def test_a_system_that_says_little_has_no_problem(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "here", lambda: replace(IDLE, load=None, memory=None))
    assert texts(examined()) == []


def test_variables_that_are_set_otherwise(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.setenv("OMP_NUM_THREADS", "16")
    assert texts(examined()) == [
        "OPENBLAS_NUM_THREADS is 3 instead of 1, which changes sums and thus results; run: unset OPENBLAS_NUM_THREADS",
        "OMP_WAIT_POLICY is ACTIVE instead of PASSIVE, which changes speed; run: unset OMP_WAIT_POLICY",
        "OMP_NUM_THREADS is 16 on 4 cores, which slows training down; run: export OMP_NUM_THREADS=4",
    ]


def test_devices_that_cannot_be_listed(installed: Path) -> None:
    (installed / "torch.py").write_text("")  # without torch.cuda
    (text,) = texts(examined(QUICK | {"torch": "import torch"}))
    assert text.startswith("torch cannot list the devices (AttributeError:")


def test_the_command_itself_loads_nothing_heavy_and_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys; from asr_prune.cli.main import main; status = main(['doctor', '--json'])\n"
    code += "heavy = {'torch', 'kaldi_hmm_gmm', 'kaldifst', 'soundfile', 'onnxruntime'}\n"
    code += "print(status, heavy & set(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    found = json.loads(done.stdout)
    stops = any(problem["stops"] for problem in found["problems"])
    assert done.stderr == f"{int(stops)} set()\n"
    assert found["devices"]["value"]["threads"] >= 1
    assert found["machine"]["cores"] == len(os.sched_getaffinity(0))
    libraries = {library["name"]: library for library in found["libraries"]}
    assert libraries["kaldifst"]["installed"] == "1.7.17"
    assert found["imports"]["torch"]["error"] == ""


def test_the_table(installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    replace_version(installed, "kaldifst", "1.8.0")
    monkeypatch.setattr(doctor, "IMPORTS", QUICK)
    monkeypatch.setattr("asr_prune.cli.doctor.diagnose", lambda limit: examined())
    assert main(["doctor", "--limit", "5"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[:4] == ["!", "kaldifst", "1.8.0", "==1.7.17"]
    assert lines[-1].startswith("problem: kaldifst is 1.8.0")
