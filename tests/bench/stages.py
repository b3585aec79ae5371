"""Wall-clock and CPU seconds of every stage of a recipe: python tests/bench/stages.py [RECIPE] [STAGE]...

Run it in a copy of the project without data/ and exp/: stages that are up to date take no time.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

STAGES = ["corpus", "lang", "features", "align", "graph", "train", "shrink", "decode", "score", "report"]


def seconds(command: list[str]) -> tuple[float, float]:
    """Wall-clock and CPU seconds of a command and its subprocesses."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=sys.stderr)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(recipe: str = "recipes/demo", *stages: str) -> None:
    total = (0.0, 0.0)
    print(f"{'stage':10}{'wall s':>8}{'CPU s':>8}")
    for stage in stages or STAGES:
        wall, cpu = seconds(["asr-prune", stage, "--recipe", recipe, "--nj", "2"])
        total = total[0] + wall, total[1] + cpu
        print(f"{stage:10}{wall:8.1f}{cpu:8.1f}", flush=True)
    print(f"{'total':10}{total[0]:8.1f}{total[1]:8.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
