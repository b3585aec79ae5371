"""A project on the corpus of tones whose stages make files of every kind, and its results without times."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from asr_prune.integrity import MANIFEST

#: corpus, passes and features
BEGINNING = """
corpus: {prepare: local/tiny.py}
hmm:
  passes:
    - {type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}
    - {type: lda_mllt, dim: 10, leaves: 12, gaussians: 30, iterations: 4, grow_iterations: 2, mllt_iterations: [2]}
    - type: sat
      leaves: 12
      gaussians: 30
      iterations: 4
      grow_iterations: 2
      fmllr_iterations: [2]
      fmllr_min_frames: 50
features: {network: {type: hmm}}
"""
RECIPE = (
    BEGINNING
    + """network: {hidden: [32, 24], dropout: 0.1}
train: {epochs: 4, batch: 64, threads: 1, tensorboard: false}
runs: [{name: one, prune: {method: l1, keep: 0.5, penalty: 3.0e-4}}]
decode: {lm_weights: [8, 10], penalties: [0.0], lattice: true}
score: {bootstrap: 100}
"""
)
GIVEN = ("--recipe", "recipes/tiny", "--nj", "1")
RUN = "exp/tiny/runs/one"

#: what is no result: logs, locks, the ledger (which counts files by place and time), and the manifests, which follow
#: from the files that they list
_NO_RESULTS = (".stages", "log", ".lock", ".lock.guard", MANIFEST)
#: pages that repeat results.json, with times, and a file of times alone
_PAGES = ("results.csv", "table.txt", "index.html", "front_end.json")
#: values that are times or speeds
_TIMES = re.compile(rb'"(\w*seconds\w*|teacher_share|rtf_\w+|am_forward\w*)": [^,}\n]*')


def make_project(folder: Path) -> None:
    """Writes the recipe and its local script, nothing else."""
    (folder / "recipes/tiny").mkdir(parents=True)
    (folder / "recipes/tiny/recipe.yaml").write_text(RECIPE)
    (folder / "local").mkdir()
    shutil.copy(Path(__file__).with_name("tiny.py"), folder / "local")


def results(project: Path) -> dict[str, str]:
    """A digest of each result under data/ and exp/, without times, by its path from `project`."""
    paths = [path for name in ("data", "exp") for path in (project / name).rglob("*") if path.is_file()]
    places = {str(path.relative_to(project)): path for path in paths}
    return {
        name: hashlib.sha256(_TIMES.sub(b"", path.read_bytes())).hexdigest()
        for name, path in sorted(places.items())
        if not set(Path(name).parts) & set(_NO_RESULTS) and path.name not in _PAGES
    }
