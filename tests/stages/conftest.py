"""A recipe on a corpus of tones."""

from __future__ import annotations

from pathlib import Path

import pytest

RECIPE = """
corpus: {prepare: PREPARE}
hmm: {passes: [{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}]}
network: {hidden: [32], dropout: 0.1}
train: {epochs: 2, batch: 64, threads: 1, tensorboard: false}
runs: [{name: one, prune: {method: none}}, {name: two, prune: {method: magnitude, keep: 0.5}}]
decode: {lm_weights: [8, 10], penalties: [0.0]}
"""


@pytest.fixture
def tones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recipe's folder, seen from the project's."""
    folder = tmp_path / "recipes/tiny"
    folder.mkdir(parents=True)
    prepare = Path(__file__).parent.parent / "stages/tiny.py"
    (folder / "recipe.yaml").write_text(RECIPE.replace("PREPARE", str(prepare)))
    monkeypatch.chdir(tmp_path)
    return Path("recipes/tiny")
