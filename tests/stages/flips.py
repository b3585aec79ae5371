"""Flipped bits in the files of a finished project (whole.py), and what the commands that read them make of it."""

from __future__ import annotations

import os
import random
import re
import resource
import shutil
import signal
import sys
import traceback
from functools import cache
from pathlib import Path
from typing import NamedTuple

from whole import GIVEN, RUN, results

from asr_prune.cli.main import main
from asr_prune.files import digest
from asr_prune.recipe.load import load_recipe
from asr_prune.stages import STAGES, works_of
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Work, optional_files

#: of a command, which is killed if it hangs or eats memory
SECONDS, MEMORY = 300, 12 << 30
WAVS = ("data/tiny/audio/eve-0.wav", "data/tiny/audio/eve-1.wav")
RECIPE = ("--recipe", "recipes/tiny")
#: commands on a finished run besides the stages
COMMANDS = (
    ("transcribe", RUN, *WAVS, "--times", "--confidence", *RECIPE, "--nj", "1"),
    ("nbest", RUN, *RECIPE),
    ("explain", RUN),
    ("pack", RUN, "packed.asr", *RECIPE),
    ("export-kaldi", "exp/tiny/align/sat", "kaldi"),
)
#: files that a command reads, below the project
READ = {
    "transcribe": (f"{RUN}/shrunk/network.pt", f"{RUN}/score_dev.json", "exp/tiny/graph/*", "data/tiny/lang/**/*.*"),
    "nbest": (f"{RUN}/decode_test/lat.1.gz", f"{RUN}/score_dev.json", "exp/tiny/graph/words.txt"),
    "explain": (f"{RUN}/trail.jsonl", f"{RUN}/nodes.json", f"{RUN}/recipe.yaml"),
    "pack": (f"{RUN}/shrunk/network.pt", f"{RUN}/result.json", "exp/tiny/graph/*", "exp/tiny/align/sat/*"),
    "export-kaldi": ("exp/tiny/align/sat/*", "data/tiny/*/utt2spk", "data/tiny/lang/**/*.*", "exp/tiny/graph/*"),
}


class Outcome(NamedTuple):
    """Of a command: exit status, negative for the signal that ended it, and what it printed."""

    status: int
    printed: str

    @property
    def refused(self) -> bool:
        """In one sentence."""
        lines = [line for line in self.printed.splitlines() if line.startswith("asr-prune:")]
        return self.status == 1 and len(lines) == 1 and "a bug of asr_prune" not in lines[0]


def outcome(words: tuple[str, ...]) -> Outcome:
    """Of a command in the current folder, run in a process of its own."""
    process = os.fork()
    if not process:
        _run(words)
    _, status = os.waitpid(process, 0)
    return Outcome(os.waitstatus_to_exitcode(status), Path("printed").read_text(errors="replace"))


def _run(words: tuple[str, ...]) -> None:
    output, status = os.open("printed", os.O_CREAT | os.O_WRONLY | os.O_TRUNC), 3
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.stdout, sys.stderr = (open(stream, "w", closefd=False) for stream in (1, 2))  # noqa: SIM115
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.alarm(SECONDS)
    try:
        status = main(list(words))
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def flip(path: Path, dice: random.Random) -> int:
    """Inverts one bit, and leaves the time of change as it was, as a bad disk does. Returns where."""
    data, stat = bytearray(path.read_bytes()), path.stat()
    at = dice.randrange(len(data))
    data[at] ^= 1 << dice.randrange(8)
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return at


def works(stage: str) -> list[Work]:
    """Of the project in the current folder."""
    return works_of(stage, Experiment(load_recipe("recipes/tiny"), 1))


def stages_that_read() -> dict[str, list[str]]:
    """The stages that read each file of the project in the current folder."""
    stages: dict[str, list[str]] = {}
    for stage in STAGES:
        for work in works(stage):
            for path in [*work.inputs, *optional_files(work)]:
                if path.is_file() and path.stat().st_size and stage not in stages.setdefault(str(path), []):
                    stages[str(path)].append(stage)
    return stages


def forget(stage: str) -> None:
    """Makes a stage due, and nothing else."""
    for work in works(stage):
        (work.home / f".stages/{work.entry}.json").unlink()


def stage_on_flipped(finished: Path, name: str, stage: str, dice: random.Random, place: Path) -> str:
    """What a stage makes of a flip in the file `name` of a copy, in `place`, of a finished project.

    "refused", "same", or else what went wrong.
    """
    _copied(finished, place)
    flip(Path(name), dice)
    forget(stage)
    found = outcome((stage, *GIVEN))
    if found.refused:
        return "refused"
    before, after = results(finished), results(place)
    made = {str(path) for work in works(stage) for path in work.outputs}
    differ = [path for path in sorted(made - {name}) if before.get(path) != after.get(path)]
    return f"status {found.status}, {differ}: {found.printed[-500:]}" if found.status or differ else "same"


def command_on_flipped(finished: Path, name: str, words: tuple[str, ...], dice: random.Random, place: Path) -> str:
    """As `stage_on_flipped`, of another command: what it prints and makes is compared."""
    expected = _made_by(finished, words, place)
    _copied(finished, place)
    flip(Path(name), dice)
    found = outcome(words)
    if found.refused:
        return "refused"
    return "same" if _made(found) == expected else f"status {found.status}: {found.printed[-500:]}"


@cache
def _made_by(finished: Path, words: tuple[str, ...], place: Path) -> tuple[object, ...]:
    _copied(finished, place)
    return _made(outcome(words))


def _made(found: Outcome) -> tuple[object, ...]:
    """Status, what was printed but for the time that it took, and the files that commands make."""
    printed = re.sub(r"\S+ s, real-time factor.*", "", found.printed)
    files = sorted(path for path in (Path("packed.asr"), *Path("kaldi").rglob("*")) if path.is_file())
    return found.status, printed, [(str(path), digest(path)) for path in files]


def _copied(finished: Path, place: Path) -> None:
    """A fresh copy, which becomes the current folder."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(finished, place)
    os.chdir(place)
