"""Projects to sweep in, on the corpus of tones."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECIPE = """
corpus: {prepare: local/tiny.py}
hmm: {passes: [{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}]}
features: {network: {type: mfcc, deltas: 1}}
network: {hidden: [32, 32], left_context: 1, right_context: 1}
train: {epochs: 3, batch: 32, threads: 1, tensorboard: false}
prune: {method: group_lasso, every: 1, steer_every: 2}
decode: {lm_weights: [8, 10], penalties: [0.0]}
score: {bootstrap: 100}
"""


def write_project(folder: Path, sweep: str) -> None:
    """A project with a recipe and a sweep's file, nothing else."""
    (folder / "recipes/tiny").mkdir(parents=True)
    (folder / "local").mkdir()
    shutil.copy(ROOT / "tests/stages/tiny.py", folder / "local")
    (folder / "recipes/tiny/recipe.yaml").write_text(RECIPE)
    (folder / "recipes/tiny/sweep.yaml").write_text(sweep)
