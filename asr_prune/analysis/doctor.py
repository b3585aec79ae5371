"""Whether asr_prune can work here: versions, imports, machine; and how to mend what is wrong.

Loads no library itself: imports are tried in another process, because Kaldi libraries of versions
that do not belong together hang when they are imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError
from typing import Any

from asr_prune import __version__
from asr_prune.analysis.machine import Machine
from asr_prune.analysis.probe import Tried, try_statements
from asr_prune.analysis.requirements import (
    Requirement,
    install_command,
    library_requirements,
    python_requirement,
)
from asr_prune.process import ENVIRONMENT

PACKAGE_NAME = "asr_prune"
#: seconds for each import
IMPORT_LIMIT = 60.0
#: distribution -> statement that loads it
IMPORTS = {
    "kaldi-hmm-gmm": "import kaldi_hmm_gmm",
    "kaldifst": "import kaldifst",
    "kaldilm": "import kaldilm",
    "kaldi-native-fbank": "import kaldi_native_fbank",
    "numba": "import numba",
    "soundfile": "import soundfile",
    "torch": "import torch",
    "torchaudio": "import torchaudio.functional",
    "onnxruntime": "import onnxruntime",
    "espeakng-loader": "import espeakng_loader as e; open(e.get_library_path()).close()",
}
#: libraries that hang together
KALDI = ("kaldi-hmm-gmm", "kaldifst", "kaldilm")
#: what works without them says so itself
DISPENSABLE = ("torchaudio", "onnxruntime", "espeakng-loader")
_DEVICES = """
import torch
cuda = torch.cuda
names = [cuda.get_device_name(i) for i in range(cuda.device_count())] if cuda.is_available() else []
value = {"cuda": names, "threads": torch.get_num_threads()}
"""
_LOW_MEMORY, _LOW_DISK = 10**9, 2 * 10**9


@dataclass(frozen=True)
class Problem:
    """text: a sentence with what mends it; stops: whether nothing works before that."""

    text: str
    stops: bool


@dataclass(frozen=True)
class Diagnosis:
    """python: None if the package's metadata are missing; imports: by distribution."""

    python: Requirement | None
    libraries: list[Requirement]
    imports: dict[str, Tried]
    devices: Tried
    machine: Machine
    environment: dict[str, str]
    problems: list[Problem] = field(default_factory=list)

    @property
    def stops(self) -> bool:
        return any(problem.stops for problem in self.problems)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"asr_prune": __version__, "stops": self.stops, **asdict(self)}


def diagnose(limit: float = IMPORT_LIMIT, imports: Mapping[str, str] = IMPORTS) -> Diagnosis:
    """Examines this installation and machine; limit: seconds for each import."""
    try:
        python, libraries = python_requirement(PACKAGE_NAME), library_requirements(PACKAGE_NAME)
    except PackageNotFoundError:
        python, libraries = None, []
    absent = {library.name for library in libraries if library.absent}
    statements = {name: code for name, code in imports.items() if name not in absent}
    tried = try_statements({**statements, "devices": _DEVICES}, limit)
    devices = tried.pop("devices")
    environment = {name: os.environ.get(name, "") for name in [*ENVIRONMENT, "OMP_NUM_THREADS"]}
    found = Diagnosis(python, libraries, tried, devices, Machine.here(), environment)
    found.problems.extend(_problems(found))
    return found


def _problems(found: Diagnosis) -> Iterator[Problem]:
    """Those that stop work first."""
    problems = [
        *_of_versions(found.python, found.libraries),
        *_of_imports(found.imports, found.libraries),
        *_of_devices(found.devices, found.imports.get("torch")),
        *_of_machine(found.machine),
        *_of_environment(found.environment, found.machine.cores),
    ]
    yield from sorted(problems, key=lambda problem: not problem.stops)


def _of_versions(python: Requirement | None, libraries: list[Requirement]) -> Iterator[Problem]:
    if python is None:
        text = "asr_prune is not installed in this Python; in its folder, run: . ./path.sh"
        yield Problem(text, False)
    elif not python.met:
        text = f"Python is {python.installed} and asr_prune needs {python.specifier}"
        yield Problem(f"{text}; in the folder of asr_prune, run: rm -r .venv && . ./path.sh", True)
    for library in libraries:
        if library.met or (library.absent and library.extra):
            continue
        stops = not library.extra and library.name not in DISPENSABLE
        version = f"is {library.installed}" if library.installed else "is missing"
        text = f"{library.name} {version} and asr_prune needs {library.specifier or 'it'}"
        yield Problem(f"{text}; run: {install_command(library)}", stops)


def _of_imports(imports: dict[str, Tried], libraries: list[Requirement]) -> Iterator[Problem]:
    by_name = {library.name: library for library in libraries}
    for name, tried in imports.items():
        if not tried.hung and not tried.error:
            continue
        group = KALDI if name in KALDI else (name,)
        wanted = [by_name.get(each, Requirement(each, "", "", "")) for each in group]
        differing = [each for each in wanted if not each.met and each.specifier]
        end = f"hangs at import ({tried.seconds:g} s)" if tried.hung else "cannot be imported"
        reason = f" ({tried.error[:200]})" if tried.error else ""
        mend = install_command(*(differing or wanted), again=not differing)
        text = f"{name} {end}{reason}{_difference(differing)}; run: {mend}"
        yield Problem(text, name not in DISPENSABLE)


def _of_devices(devices: Tried, torch: Tried | None) -> Iterator[Problem]:
    loads = torch is not None and not torch.hung and not torch.error
    if loads and devices.value is None:
        reason = f"no answer in {devices.seconds:g} s" if devices.hung else devices.error[:200]
        text = f"torch cannot list the devices ({reason}); to use the CPU, run"
        yield Problem(f"{text}: export CUDA_VISIBLE_DEVICES=", False)


def _difference(differing: list[Requirement]) -> str:
    pins = [f"{each.name} is {each.installed or 'missing'}, pinned {each.specifier}" for each in differing]
    return f" because versions differ: {', '.join(pins)}" if pins else ""


def _of_machine(machine: Machine) -> Iterator[Problem]:
    if not machine.writable:
        yield Problem(f"{os.getcwd()} cannot be written; change to a folder of your own.", True)
    if machine.disk < _LOW_DISK:
        text = f"only {machine.disk / 1e9:.1f} GB of disk are free in {os.getcwd()}; free some space."
        yield Problem(text, machine.disk < _LOW_DISK / 20)
    if machine.memory is not None and machine.memory < _LOW_MEMORY:
        text = f"only {machine.memory / 1e9:.1f} GB of memory are free; stop other programs, or run"
        yield Problem(f"{text}: ./run.sh --nj 1", False)
    if machine.load is not None and machine.load > machine.cores:
        text = f"other programs keep the {machine.cores} cores busy (load {machine.load:.1f})"
        yield Problem(f"{text}; wait for them, or run: ./run.sh --nj 1", False)


def _of_environment(environment: dict[str, str], cores: int) -> Iterator[Problem]:
    for name, value in ENVIRONMENT.items():
        if environment[name] not in ("", value):
            text = f"{name} is {environment[name]} instead of {value}, which changes"
            effect = "sums and thus results" if name.startswith("OPENBLAS") else "speed"
            yield Problem(f"{text} {effect}; run: unset {name}", False)
    threads = environment["OMP_NUM_THREADS"]
    if threads.isdecimal() and int(threads) > cores:
        text = f"OMP_NUM_THREADS is {threads} on {cores} cores, which slows training down"
        yield Problem(f"{text}; run: export OMP_NUM_THREADS={cores}", False)
