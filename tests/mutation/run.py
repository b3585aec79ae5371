"""Makes mutants of the package and runs the tests that reach them: `python tests/mutation/run.py`.

    python tests/mutation/run.py measure           # which test reaches which line
    python tests/mutation/run.py draw --number 300 --seed 19
    python tests/mutation/run.py test              # each mutant; goes on where it was stopped
    python tests/mutation/run.py test --again      # those that survived
    python tests/mutation/run.py control           # on the code as it is, the tests that failed pass
    python tests/mutation/run.py table

Everything is kept in build/mutation, where the checkout is copied before it is changed. A mutant's
tests run in a process forked from one that has loaded the libraries, the nearest tests first,
until one fails. README.md beside this file says what came of it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from covering import Covering, measure
from draw import PLACES, Mutant, draw

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build/mutation"
COPY = BUILD / "checkout"
LIBRARIES = "torch numpy scipy.linalg scipy.special kaldi_hmm_gmm kaldifst kaldi_decoder kaldilm"
LIBRARIES += " kaldi_io kaldi_native_fbank soundfile safetensors.torch hypothesis yaml pydantic"
#: seconds that one mutant gets of the tests of its own file, of its folder and of others; seconds
#: of grace, and the factor, after which a run is a timeout
MOST, GRACE, SLOWER = 20.0, 40.0, 6.0
ALIVE = ("survived", "unreached")
OUTPUT = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:cov", "--tb=line", "--hypothesis-seed=0"]


def copied() -> Path:
    """The checkout's files, as they are now, in COPY."""
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info", ".hypothesis", "fig*")
    for name in ("asr_prune", "tests", "local", "recipes", "docs"):
        shutil.rmtree(COPY / name, ignore_errors=True)
        shutil.copytree(ROOT / name, COPY / name, ignore=left_out)
    for path in (*ROOT.glob("*.md"), *ROOT.glob("*.sh"), ROOT / "pyproject.toml"):
        shutil.copy2(path, COPY)
    return COPY


def forked(work: Callable[[], int], log: Path, limit: float) -> int | None:
    """The exit code of `work` in a process of its own; None when it is still at it after `limit` s."""
    child = os.fork()
    if not child:
        try:
            os.setsid()
            os.chdir(COPY)
            with log.open("w") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            os._exit(work())
        finally:
            os._exit(99)
    until = time.monotonic() + limit
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def judge(covering: Covering, tests: list[list[str]]) -> tuple[str, str]:
    """What becomes of the copy as it is: killed, timeout, survived or unreached, and why."""
    log = BUILD / "log"
    for group in tests:
        if not (chosen := within(group, covering.seconds, MOST)):
            continue
        limit = GRACE + SLOWER * sum(map(covering.seconds.__getitem__, chosen))
        code = forked(lambda chosen=chosen: int(pytest.main([*OUTPUT, *chosen])), log, limit)
        if code is None:
            return "timeout", chosen[-1]
        if code:
            lines = log.read_text(errors="replace").splitlines()
            failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
            return "killed", failed[0] if failed else f"exit code {code}: {(lines or [''])[-1]}"
    reached = sum(map(len, tests))
    return ("survived", f"{reached} tests") if reached else ("unreached", "no test")


def within(tests: list[str], seconds: dict[str, float], most: float) -> list[str]:
    """The first of `tests` that last `most` seconds together."""
    chosen = []
    for test in tests:
        most -= seconds[test]
        if most < 0:
            break
        chosen.append(test)
    return chosen


def prepare() -> None:
    """Copies the checkout; loads what does not change, for the processes that will be forked."""
    os.environ |= {"PYTHONPATH": str(COPY), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    os.environ.setdefault("AN4_ROOT", str(ROOT.parent / "shared/corpora/an4"))
    sys.path.insert(0, str(copied()))
    for name in LIBRARIES.split():
        importlib.import_module(name)


def test_mutants(places: list[str], again: bool) -> None:
    """Judges the drawn mutants of the places without a result; with `again`, those that survived."""
    prepare()
    covering = Covering(COPY, BUILD)
    judged = results()
    for mutant in (mutant for mutant in drawn() if mutant.place in places):
        if (fates := judged.get(str(mutant))) and not (again and fates[-1][0] in ALIVE):
            continue
        path, start = COPY / mutant.path, time.monotonic()
        source, tests = path.read_text(encoding="utf-8"), covering.tests(mutant.path, mutant.line)
        path.write_text(mutant.code(source), encoding="utf-8")
        try:
            fate, why = judge(covering, tests)
        finally:
            path.write_text(source, encoding="utf-8")
        line = [str(mutant), fate, why, round(time.monotonic() - start, 1)]
        with (BUILD / "results.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(f"{line[-1]:6.1f} s  {fate:8}  {mutant}", flush=True)


def drawn() -> list[Mutant]:
    lines = (BUILD / "mutants.jsonl").read_text(encoding="utf-8").splitlines()
    return [Mutant(*json.loads(line)) for line in lines]


def results() -> dict[str, list[tuple[str, str]]]:
    """What became of each mutant and why, first to last."""
    path = BUILD / "results.jsonl"
    judged: dict[str, list[tuple[str, str]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        name, fate, why, _ = json.loads(line)
        judged.setdefault(name, []).append((fate, why))
    return judged


def control() -> None:
    """Runs the tests that killed a mutant on the code as it is, by file; prints what fails."""
    prepare()
    killers: dict[str, set[str]] = {}
    for fate, why in (fates[-1] for fates in results().values()):
        test = why.partition(" - ")[0].partition(" ")[2]
        if fate == "killed" and "::" in test:
            killers.setdefault(test.partition("::")[0], set()).add(test)
    for file, tests in sorted(killers.items()):
        chosen = [*OUTPUT[1:], *sorted(tests)]
        code = forked(lambda chosen=chosen: int(pytest.main(chosen)), BUILD / "log", 600.0)
        print(f"{file}: {len(tests)} tests, {'they pass' if code == 0 else f'exit code {code}'}", flush=True)


def table() -> None:
    """Counts by place, then the mutants that survived to the end."""
    judged, left = results(), []
    print("| place | mutants | killed | timeouts | survived at first | at the end |")
    print("| --- | --- | --- | --- | --- | --- |")
    for place in (*PLACES, ""):
        mutants = [str(m) for m in drawn() if str(m) in judged and place in ("", m.place)]
        last = Counter(judged[name][-1][0] for name in mutants)
        first = sum(judged[name][0][0] in ALIVE for name in mutants)
        figures = (len(mutants), last["killed"], last["timeout"], first, sum(last[fate] for fate in ALIVE))
        print("|", place or "all", "|", " | ".join(map(str, figures)), "|")
        left = [name for name in mutants if judged[name][-1][0] in ALIVE]
    print("\n", *left, sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("measure", "draw", "test", "control", "table"))
    parser.add_argument("--number", type=int, default=300)
    parser.add_argument("--seed", type=int, default=19)
    parser.add_argument("--again", action="store_true", help="those that survived")
    parser.add_argument("--places", nargs="+", choices=PLACES, default=PLACES)
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    if options.what == "measure":
        os.chdir(copied())
        sys.path.insert(0, str(COPY))
        sys.exit(measure(BUILD))
    elif options.what == "draw":
        lines = [json.dumps(mutant) for mutant in draw(ROOT, options.number, options.seed)]
        (BUILD / "mutants.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif options.what == "test":
        test_mutants(options.places, options.again)
    elif options.what == "control":
        control()
    else:
        table()


if __name__ == "__main__":
    main()
