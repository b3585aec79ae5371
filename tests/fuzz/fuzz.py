"""Damages one file of a finished project at a time and looks at what the commands that read it do.

    python tests/fuzz/fuzz.py [--inputs 300] [--seed 1] [--kind NAME] [--keep FOLDER]

Each input is made from its own seed, which is printed if something is wrong. An outcome is

    refused    a non-zero exit with a sentence
    said       accepted, and what was printed differs from what the undamaged file gives
    same       accepted, with the same output
    SILENT     accepted without a word although the format forbids it, or it is a file of ours
    CRASH      a traceback, a report of a bug, a signal, more than 90 s, or more than 1.5 GB

The last two make the exit status 1.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import NamedTuple

import ground
import torch  # noqa: F401  loaded once, before the processes fork
from kinds import KINDS, Command, Kind
from mutators import damaged

from asr_prune.cli.main import main

SECONDS, GIGABYTES = 90, 1.5
OUTCOMES = ("refused", "said", "same", "SILENT", "CRASH")
#: what a user must never see
BUG = re.compile(r"Traceback|bug of asr_prune|Segmentation|terminate called|ERROR: FstHeader")


class Ran(NamedTuple):
    """status: of the command that failed, or 0; trouble: why it counts as a crash."""

    status: int
    printed: str
    trouble: str


def run(project: Path, commands: tuple[Command, ...]) -> Ran:
    """Commands in a process of their own each, until one fails."""
    printed = ""
    for command in commands:
        ran = _run(project, command)
        printed += ran.printed
        if ran.status or ran.trouble:
            return Ran(ran.status, printed, ran.trouble)
    return Ran(0, printed, "")


def _run(project: Path, command: Command) -> Ran:
    sys.stdout.flush()
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        started, child = time.monotonic(), os.fork()
        if not child:
            _child(project, command, output.fileno())
        done, status, usage = _wait(child, started)
        output.seek(0)
        printed = output.read()
    code = os.waitstatus_to_exitcode(status)
    trouble = f"more than {SECONDS} s" if not done else f"signal {-code}" if code < 0 else ""
    trouble = trouble or (f"{usage.ru_maxrss / 2**20:.1f} GB" if usage.ru_maxrss > GIGABYTES * 2**20 else "")
    found = BUG.search(printed)
    return Ran(code, printed, trouble or (found[0] if found else ""))


def _child(project: Path, command: Command, output: int) -> None:
    status = 1
    try:
        os.setsid()
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(project)
        limit = 8 * 2**30
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        status = main(command)
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    except BaseException as error:
        print(f"Traceback: {error!r}")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait(child: int, started: float) -> tuple[bool, int, resource.struct_rusage]:
    while time.monotonic() - started < SECONDS:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            return True, status, usage
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    return False, status, usage


class Fuzz:
    """One project, and what its commands print while nothing is damaged."""

    def __init__(self, project: Path, scratch: Path) -> None:
        self.project, self.scratch = project, scratch
        self.sound: dict[str, str] = {}

    def fresh(self) -> Path:
        shutil.rmtree(self.scratch, ignore_errors=True)
        shutil.copytree(self.project, self.scratch)
        return self.scratch

    def undamaged(self, kind: Kind) -> str:
        """What the commands of a kind print. Raises SystemExit if they fail."""
        if kind.name not in self.sound:
            ran = run(self.fresh(), kind.commands)
            if ran.status or ran.trouble:
                raise SystemExit(f"{kind.name}: fails undamaged: {ran}")
            self.sound[kind.name] = _without_times(ran.printed)
        return self.sound[kind.name]

    def outcome(self, kind: Kind, seed: int) -> tuple[str, str]:
        """The outcome of one input, and what happened in words."""
        dice, sound = Random(seed), self.undamaged(kind)
        path = self.fresh() / (name := dice.choice(kind.files))
        stat = path.stat()
        mutator, content = damaged(path.read_bytes(), kind.text, dice)
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as damage by a disk or a copy does
        ran = run(self.scratch, kind.commands)
        verdict = _judge(kind, content, ran, _without_times(ran.printed) == sound)
        last = next((line for line in ran.printed.splitlines() if line.startswith("asr-prune:")), ran.printed[-200:])
        why = kind.forbids(content)
        return verdict, f"{kind.name} seed {seed} {mutator} {name}: {ran.trouble} {why and f'[{why}]'} {last!r}"


def _judge(kind: Kind, content: bytes, ran: Ran, same: bool) -> str:
    if ran.trouble:
        return "CRASH"
    if ran.status:
        return "refused"
    if (kind.forbids(content) and same) or kind.sealed:
        return "SILENT"
    return "same" if same else "said"


def _without_times(printed: str) -> str:
    return re.sub(
        r"\d+(\.\d+)? ?(s|min|h|MB|kB|MiB)\b|\d\d:\d\d(:\d\d)?|factor [\d.]+|alone [\d.]+|[\d.]+ times|\(\d+ %\)",
        "#",
        printed,
    )


def table(counts: dict[str, Counter[str]]) -> str:
    """Inputs by kind and outcome."""
    lines = ["kind".ljust(22) + "".join(name.rjust(9) for name in OUTCOMES)]
    for kind, count in {**counts, "together": sum(counts.values(), Counter())}.items():
        lines.append(kind.ljust(22) + "".join(f"{count[name]:9}" for name in OUTCOMES))
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    top = argparse.ArgumentParser(description="damage files and look at what reads them")
    top.add_argument("--inputs", type=int, default=300)
    top.add_argument("--seed", type=int, default=1)
    top.add_argument("--kind", action="append", help="of kinds.py; repeatable (default: all)")
    top.add_argument("--keep", type=Path, help="folder of the project, made if it does not exist")
    top.add_argument("--all", action="store_true", help="print every input, not only what is wrong")
    return top.parse_args()


def fuzz(options: argparse.Namespace, folder: Path) -> int:
    """Prints a table; 1 if anything is wrong."""
    project = options.keep or folder / "project"
    if not project.exists():
        child = os.fork()  # so that nothing of this process is used up
        if not child:
            ground.build(project.absolute())
            os._exit(0)
        os.waitpid(child, 0)
    kinds = [kind for kind in KINDS if not options.kind or kind.name in options.kind]
    counts = {kind.name: Counter[str]() for kind in kinds}
    judge = Fuzz(project.absolute(), folder / "damaged")
    for number in range(options.inputs):
        kind, seed = kinds[number % len(kinds)], options.seed * 100_000 + number
        verdict, words = judge.outcome(kind, seed)
        counts[kind.name][verdict] += 1
        if options.all or verdict.isupper():
            print(f"{verdict:8}{words}", flush=True)
    print(table(counts))
    return int(any(count["SILENT"] or count["CRASH"] for count in counts.values()))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(fuzz(arguments(), Path(temporary)))
