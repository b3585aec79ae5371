"""The verb that examines the installation and the machine."""

from __future__ import annotations

import argparse
import json

from asr_prune import __version__
from asr_prune.analysis.doctor import IMPORT_LIMIT, Diagnosis, diagnose
from asr_prune.analysis.probe import Tried
from asr_prune.analysis.requirements import Requirement
from asr_prune.cli.plan import size_of_bytes
from asr_prune.cli.shared import Verbs, add_verb, positive


def add_verbs(verbs: Verbs) -> None:
    """doctor."""
    says = "check versions, imports, devices, cores, memory and disk, and say how to mend problems"
    verb = add_verb(verbs, "doctor", says, doctor, "")
    limit = "seconds for each import (default: %(default)g)"
    verb.add_argument("--limit", type=positive, default=IMPORT_LIMIT, metavar="SECONDS", help=limit)
    verb.add_argument("--json", action="store_true", help="print everything as JSON")


def doctor(options: argparse.Namespace) -> int:
    """Exit status 1 if a problem stops all work."""
    found = diagnose(options.limit)
    print(json.dumps(found.plain(), indent=1) if options.json else "\n".join(_lines(found)))
    return int(found.stops)


def _lines(found: Diagnosis) -> list[str]:
    python = found.python.installed if found.python else "unknown"
    head = f"asr_prune {__version__}, Python {python}, {found.machine.system}"
    libraries = [_library_line(library, found.imports) for library in found.libraries]
    problems = [f"{'problem' if problem.stops else 'note'}: {problem.text}" for problem in found.problems]
    return [head, "", *libraries, "", *_machine_lines(found), "", *(problems or ["no problem"])]


def _library_line(library: Requirement, imports: dict[str, Tried]) -> str:
    version = library.installed or (f"not installed ({library.extra})" if library.extra else "absent")
    mark = " " if library.met or (library.absent and library.extra) else "!"
    tried = imports.get(library.name)
    return f"{mark} {library.name:20}{version:22}{library.specifier:12}{_ended(tried)}".rstrip()


def _ended(tried: Tried | None) -> str:
    if tried is None:
        return ""
    return "hangs" if tried.hung else "fails" if tried.error else f"loads in {tried.seconds:.1f} s"


def _machine_lines(found: Diagnosis) -> list[str]:
    machine, devices = found.machine, found.devices.value or {"cuda": ["others unknown"], "threads": "unknown"}
    load = "" if machine.load is None else f", load {machine.load:.1f}"
    variables = [f"{name}={value or '(not set)'}" for name, value in found.environment.items()]
    return [
        f"cores        {machine.cores}{load}",
        f"memory free  {size_of_bytes(machine.memory)}",
        f"disk free    {size_of_bytes(machine.disk)}",
        f"devices      {', '.join(['CPU', *devices['cuda']])}",
        f"threads      {devices['threads']} of torch",
        f"environment  {' '.join(variables)}",
    ]
