"""Whether a killed recipe goes on to the same results: `python tests/bench/kills.py --kills 100 --seed 1`.

Runs a whole recipe on a corpus of tones (tests/stages/whole.py) once for reference. Then it starts the same command in
an empty project, kills its process group with SIGKILL at a random moment, and starts it again, until it ends; so in
project after project, until as many kills as asked for have been made. Results are compared byte for byte with the
reference, without times; and `SHA256SUMS` of every folder must be right. A stage whose start was not yet printed counts
as the one before. Ends with status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests/stages")]

from whole import GIVEN, make_project, results  # noqa: E402

from asr_prune.files import digest  # noqa: E402
from asr_prune.integrity import MANIFEST  # noqa: E402
from asr_prune.stages import STAGES  # noqa: E402

COMMAND = [sys.executable, "-P", "-m", "asr_prune.cli.main", "run", *GIVEN]
BEGUN = re.compile(rf"^({'|'.join(STAGES)})\b[^:\n]*: ", re.MULTILINE)
#: a kill comes within these shares of the time that the whole recipe takes
EARLIEST, LATEST = 0.02, 0.4


def start(project: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with open(project / "output", "wb") as output:
        return subprocess.Popen(
            COMMAND, cwd=project, env=environment, stdout=output, stderr=output, start_new_session=True
        )


def output_of(project: Path) -> str:
    return (project / "output").read_text(encoding="utf-8", errors="replace")


def finish(project: Path) -> None:
    """Runs the command to its end. Raises SystemExit with its output if it fails."""
    if status := start(project).wait():
        raise SystemExit(f"the command ended with {status}:\n{output_of(project)}")


def killed(project: Path, after: float) -> str | None:
    """The stage in which the command was killed after so many seconds; None if it had ended by itself."""
    process = start(project)
    try:
        if status := process.wait(after):
            raise SystemExit(f"the command ended with {status}:\n{output_of(project)}")
        return None
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    begun = BEGUN.findall(output_of(project))
    return begun[-1] if begun else "before the first"


def wrong_sums(project: Path) -> list[str]:
    """Files whose digest in a manifest is not theirs."""
    wrong = []
    for manifest in project.rglob(MANIFEST):
        for line in manifest.read_text(encoding="utf-8").splitlines():
            sha256, _, name = line.partition("  ")
            if not line.startswith("#") and digest(manifest.with_name(name)) != sha256:
                wrong.append(f"{manifest}: {name}")
    return wrong


def differences(project: Path, reference: dict[str, str]) -> list[str]:
    """What a finished project has other than the reference."""
    found = results(project)
    differ = [name for name in sorted(found.keys() | reference.keys()) if found.get(name) != reference.get(name)]
    return differ + wrong_sums(project)


def one_project(project: Path, dice: random.Random, whole: float, most: int) -> list[str]:
    """Runs the recipe in an empty project with up to `most` kills; the stages in which they came."""
    make_project(project)
    stages: list[str] = []
    while len(stages) < most:
        stage = killed(project, whole * dice.uniform(EARLIEST, LATEST))
        if stage is None:
            return stages
        stages.append(stage)
    finish(project)
    return stages


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="how many in all (default: 100)")
    parser.add_argument("--most", type=int, default=12, help="kills of one run of the recipe (default: 12)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: 1)")
    options = parser.parse_args()
    dice, counts, wrong, left, number = random.Random(options.seed), Counter[str](), [], options.kills, 0
    with tempfile.TemporaryDirectory() as folder:
        make_project(Path(folder, "reference"))
        begin = time.monotonic()
        finish(Path(folder, "reference"))
        whole, reference = time.monotonic() - begin, results(Path(folder, "reference"))
        print(f"seed {options.seed}; one run takes {whole:.0f} s and has {len(reference)} results", flush=True)
        while left > 0:
            number += 1
            project = Path(folder, str(number))
            stages = one_project(project, dice, whole, min(left, options.most))
            differ = differences(project, reference)
            left, wrong = left - len(stages), [*wrong, *differ]
            counts.update(stages)
            print(f"run {number}: {len(stages)} kills, {len(differ)} differences", *differ, sep="\n  ", flush=True)
    print(*(f"{stage:>16} {counts[stage]:4d}" for stage in ("before the first", *STAGES)), sep="\n")
    print(f"{sum(counts.values())} kills in {number} runs, {len(wrong)} differences")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
