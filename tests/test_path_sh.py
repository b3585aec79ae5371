"""path.sh and install.sh, with programs in place of Python, pip and uv that record their arguments."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("bash", "cat", "chmod", "cksum", "cp", "dirname", "mkdir", "rm")
FROM_INDEX = "torch==2.11.*"
PIP = "python -m pip install --quiet --disable-pip-version-check --no-compile"
UV_PIP = "uv pip install --quiet --python HERE/.venv/bin/python"
#: stands for Python VERSION: makes an environment with itself in it, and notes what pip is given
PYTHON = """#!/usr/bin/env bash
if [ "$1" = - ]; then
  shift
  { echo "import sys; sys.version_info, sys.executable = VERSION, '$0'"; cat; } | REAL - "$@"
  exit
fi
echo "${0##*/} $*" >>LOG
case "$*" in
  "-m venv "*) for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python"; echo "VIRTUAL_ENV='$folder'" >"$folder/bin/activate" ;;
  *purelib*) echo "${0%/bin/*}" ;;
  *"pip install"*) exit STATUS ;;
  *version*) echo torch==2.13.0 ;;
esac
"""  # noqa: E501
UV = """#!/usr/bin/env bash
echo "uv $*" >>LOG
if [ "$1" = venv ]; then
  for folder; do :; done
  mkdir -p "$folder/bin"
  cp ANY "$folder/bin/python"
  echo "VIRTUAL_ENV='$folder'" >"$folder/bin/activate"
fi
"""


@dataclass(frozen=True)
class Machine:
    """A folder with path.sh, and the only programs that there are, in its folder bin."""

    here: Path

    @property
    def log(self) -> list[str]:
        """The recorded calls; the folder of the project is HERE."""
        path = self.here / "log"
        text = path.read_text() if path.exists() else ""
        lines = text.replace(str(self.here), "HERE").splitlines()
        return [line for line in lines if "kaldi_io" not in line]

    def python(self, name: str, version: tuple[int, int], status: int = 0) -> None:
        text = PYTHON.replace("VERSION", f"({version[0]}, {version[1]}, 0)").replace("LOG", f"'{self.here}/log'")
        self.program(name, text.replace("REAL", sys.executable).replace("STATUS", str(status)))

    def uv(self) -> None:
        self.program("uv", UV.replace("LOG", f"'{self.here}/log'").replace("ANY", f"'{self.here}/bin/python3.12'"))

    def program(self, name: str, text: str) -> None:
        path = self.here / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def source(self, arguments: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Sources path.sh in a new shell and prints the environment that it has entered."""
        code = f'. ./path.sh {arguments} && echo "in $VIRTUAL_ENV"'
        command = [str(self.here / "bin/bash"), "-euo", "pipefail", "-c", code, "--", "stray"]
        given = {"PATH": str(self.here / "bin"), **variables}
        return subprocess.run(command, cwd=self.here, env=given, capture_output=True, text=True, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    here = tmp_path / "a folder"
    (here / "bin").mkdir(parents=True)
    for name in ("path.sh", "install.sh", "pyproject.toml"):
        shutil.copy(ROOT / name, here)
    for tool in TOOLS:
        (here / "bin" / tool).symlink_to(str(shutil.which(tool)))
    return Machine(here)


def test_the_newest_python_of_the_range_is_taken(machine: Machine) -> None:
    for name, version in (("python3", (3, 15)), ("python3.11", (3, 11)), ("python3.13", (3, 13))):
        machine.python(name, version)
    machine.program("python3.14", "#!/usr/bin/env bash\nexit 127\n")  # pyenv's shim of a Python that is not set
    done = machine.source()
    assert done.stdout == f"in {machine.here}/.venv\n", done.stderr
    assert "making the environment" in done.stderr
    assert machine.log == ["python3.13 -m venv HERE/.venv", f"{PIP} {FROM_INDEX} -e HERE[demo]"]


def test_python_can_be_chosen(machine: Machine) -> None:
    machine.python("python3.13", (3, 13))
    machine.python("mine", (3, 11))
    assert machine.source(PYTHON="mine", ASR_PRUNE_VENV="elsewhere").stdout == "in elsewhere\n"
    assert machine.log[0] == "mine -m venv elsewhere"
    assert not (machine.here / ".venv").exists()


def test_without_python_it_says_how_to_install_one(machine: Machine) -> None:
    machine.python("python3", (3, 10))
    done = machine.source()
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert "Python 3.11 to 3.14 was not found" in line
    for text in ("sudo apt install python3 python3-venv", "sudo dnf install python3", "brew install python"):
        assert text in line


def test_a_python_out_of_the_range_is_refused_by_name(machine: Machine) -> None:
    machine.python("python3.12", (3, 12))
    machine.python("old", (3, 10))
    (line,) = machine.source(PYTHON="old").stderr.splitlines()
    assert "PYTHON=old is not" in line


def test_it_is_installed_once_and_again_after_a_change(machine: Machine) -> None:
    machine.python("python3.12", (3, 12))
    assert machine.source().returncode == 0
    assert machine.source().stderr == ""
    assert len(machine.log) == 2
    with (machine.here / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert machine.source().returncode == 0
    assert machine.log[2:] == [f"{PIP} {FROM_INDEX} -e HERE[demo]"]


def test_the_tools_of_the_tests_are_installed_on_request(machine: Machine) -> None:
    machine.python("python3.12", (3, 12))
    assert machine.source().returncode == 0
    assert machine.source("dev").returncode == 0
    assert machine.source().returncode == 0
    assert machine.log[1:] == [f"{PIP} {FROM_INDEX} -e HERE[demo]", f"{PIP} {FROM_INDEX} -e HERE[demo,dev]"]


def test_a_failed_installation_is_tried_again(machine: Machine) -> None:
    machine.python("python3.12", (3, 12), status=1)
    done = machine.source()
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert "run the same command again" in done.stderr
    (machine.here / ".venv/bin/python").unlink()
    machine.python("python", (3, 12))
    shutil.copy(machine.here / "bin/python", machine.here / ".venv/bin/python")
    assert machine.source().returncode == 0
    assert machine.log[2:] == [f"{PIP} {FROM_INDEX} -e HERE[demo]"]


@pytest.mark.parametrize(
    ("choice", "options"), [("cpu", "--torch-backend cpu"), ("cuda", "torch<2.15 --torch-backend auto")]
)
def test_uv_brings_the_build_of_torch(machine: Machine, choice: str, options: str) -> None:
    machine.python("python3.12", (3, 12))
    machine.uv()
    assert machine.source(ASR_PRUNE_TORCH=choice).returncode == 0
    assert machine.log == [
        "uv venv --quiet --seed --allow-existing --python HERE/bin/python3.12 HERE/.venv",
        f"{UV_PIP} {options} -e HERE[demo]",
    ]


def test_uv_is_installed_where_a_build_needs_it(machine: Machine) -> None:
    machine.python("python3.12", (3, 12))
    machine.source(ASR_PRUNE_TORCH="cpu")
    assert machine.log == ["python3.12 -m venv HERE/.venv", f"{PIP} uv"]  # and then .venv/bin/uv, not here


def test_the_torch_of_the_python_is_kept(machine: Machine) -> None:
    machine.python("python3.12", (3, 12))
    machine.uv()
    assert machine.source(ASR_PRUNE_TORCH="system").returncode == 0
    assert machine.log[0] == "python3.12 -m venv --system-site-packages HERE/.venv"
    assert machine.log[-1] == f"{PIP} --constraint HERE/.venv/torch.txt -e HERE[demo]"
    assert (machine.here / ".venv/torch.txt").read_text() == "torch==2.13.0\n"


def test_wheels_of_a_folder_come_first(machine: Machine) -> None:
    machine.python("python3.12", (3, 12))
    folder = machine.here / "my wheels"
    folder.mkdir()
    for name in ("torch-2.13.0+cpu-cp312-linux.whl", "torchaudio-2.11.0+cpu-cp312-linux.whl"):
        (folder / name).touch()
    assert machine.source(ASR_PRUNE_TORCH="my wheels").returncode == 0
    assert machine.log[1:] == [
        f"{PIP} --no-index --no-deps --find-links HERE/my wheels torch torchaudio",
        f"{PIP} --find-links HERE/my wheels -e HERE[demo]",
    ]


def test_another_torch_needs_another_environment(machine: Machine) -> None:
    machine.python("python3.12", (3, 12))
    (line,) = machine.source(ASR_PRUNE_TORCH="nowhere").stderr.splitlines()
    assert "ASR_PRUNE_TORCH is cpu, cuda, system or a folder of wheels, not 'nowhere'" in line
    assert machine.source().returncode == 0
    (line,) = machine.source(ASR_PRUNE_TORCH="system").stderr.splitlines()
    assert "has the torch of ASR_PRUNE_TORCH=index; remove that folder" in line


def test_what_python_may_not_keep_is_compiled_at_once(machine: Machine) -> None:
    machine.python("python3.12", (3, 12))
    assert machine.source(PYTHONDONTWRITEBYTECODE="1").returncode == 0
    assert machine.log[1:] == [f"{PIP.removesuffix(' --no-compile')} {FROM_INDEX} -e HERE[demo]"]


def test_uv_compiles_what_python_may_not_keep(machine: Machine) -> None:
    machine.python("python3.12", (3, 12))
    machine.uv()
    assert machine.source(PYTHONDONTWRITEBYTECODE="1").returncode == 0
    assert machine.log[1].startswith("uv pip install --quiet --compile-bytecode --python ")
