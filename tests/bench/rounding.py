"""Which works give other bits with other CPUs, BLAS kernels and threads: `python
tests/bench/rounding.py RECIPE`, in a project in which all stages of the recipe are done.

Each environment stands for a machine: it makes the numeric libraries take the code that they would
take there. In a process of its own and a copy of the project, every work of the first run is done
again from the files of the project, so that what differs comes of that work alone; then all works
in a row, for what becomes of it in the end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from asr_prune.files import digest
from asr_prune.integrity import MANIFEST
from asr_prune.process import ENVIRONMENT
from asr_prune.stages import works_of
from asr_prune.workflow.experiment import NJ, Experiment, open_experiment
from asr_prune.workflow.runner import Runner
from asr_prune.workflow.work import Work

#: other x86 processors, as OpenBLAS, numpy, MKL and torch see them; and threads and processes
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "again": {},
    "OpenBLAS: Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "OpenBLAS: Zen": {"OPENBLAS_CORETYPE": "Zen"},
    "OpenBLAS: SkylakeX": {"OPENBLAS_CORETYPE": "SkylakeX"},
    "OpenBLAS: Sandybridge": {"OPENBLAS_CORETYPE": "Sandybridge"},
    "OpenBLAS: 2 threads": {"OPENBLAS_NUM_THREADS": "2"},
    "numpy: no AVX-512": {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL"},
    "torch: AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "DNNL_MAX_CPU_ISA": "AVX2"},
    "MKL: compatible": {"MKL_CBWR": "COMPATIBLE"},
    "torch: 2 threads": {"OMP_NUM_THREADS": "2"},
    "2 processes": {"NJ": "2"},
}
STAGES = ("features", "align", "graph", "train", "decode")
#: files with times, or made only to be read by people
ASIDE = ("summary.json", "info.json", "metrics.jsonl", "train.json", "recipe.yaml", "size.json")


def works(experiment: Experiment) -> Iterator[Work]:
    """Those of the first run that compute anything."""
    first = experiment.runs[0].name
    for stage in STAGES:
        yield from (work for work in works_of(stage, experiment) if work.run in ("", first))


def numbers(work: Work) -> dict[str, str]:
    """Digests of the outputs that hold results."""
    return {str(path): digest(path) for path in work.outputs if path.name not in ASIDE and path.is_file()}


def differs(experiment: Experiment, work: Work) -> bool:
    """Does a work, whether it is due or not; whether its results have changed."""
    wanted, runner = numbers(work), Runner(experiment.layout)
    runner.ledger(work).forget(work.entry, work.outputs)
    runner.run([work])
    return numbers(work) != wanted


def frames(experiment: Experiment, before: Path) -> str:
    """The share of frames whose label differs from the one in the project `before`."""
    from asr_prune.hmm.labels import read_labels

    place = experiment.labels / "ali.ark"
    one, other = read_labels(before / place), read_labels(place)
    differ = sum(int((one[utt] != other[utt]).sum()) for utt in one)
    return f"{100 * differ / sum(map(len, one.values())):.2f} % of the labels differ"


def compare(recipe: str, sets: list[str], project: Path) -> None:
    """In a copy of `project`: prints a JSON line with the works that differ alone, and in a row."""
    experiment = open_experiment(recipe, sets, int(os.environ.get("NJ", NJ)))
    alone = []
    for work in works(experiment):
        if differs(experiment, work):
            alone.append(work.title)
        for path in [*work.outputs, *{path.with_name(MANIFEST) for path in work.outputs}]:
            shutil.copy2(project / path, path)
    row = [work.title for work in works(experiment) if alone and differs(experiment, work)]
    print(json.dumps({"alone": alone, "row": row, "labels": frames(experiment, project)}))


def run(name: str, options: argparse.Namespace) -> dict[str, object]:
    """The comparison in a fresh process under one of ENVIRONMENTS."""
    project = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        ignored = shutil.ignore_patterns("*.log", "report")
        shutil.copytree(project, copy, symlinks=True, ignore=ignored)
        sets = [word for text in options.set for word in ("--set", text)]
        command = [sys.executable, __file__, options.recipe, *sets, "--in", str(project)]
        env = os.environ | ENVIRONMENT | {"OMP_NUM_THREADS": "1", "NJ": "1"} | ENVIRONMENTS[name]
        done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr}")
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Prints a line for each environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--only", nargs="*", default=list(ENVIRONMENTS), choices=list(ENVIRONMENTS))
    parser.add_argument("--in", dest="project", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.project:
        compare(options.recipe, options.set, options.project)
        return
    for name in options.only:
        found = run(name, options)
        print(f"{name}: alone {found['alone']}, in a row {found['row']}, {found['labels']}", flush=True)


if __name__ == "__main__":
    main()
