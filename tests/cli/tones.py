"""A recipe of tones, and its commands."""

from __future__ import annotations

import pytest

from asr_prune.cli.main import main

RECIPE = """
corpus: {prepare: PREPARE}
hmm: {passes: [{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}]}
network: {hidden: [32], dropout: 0.1}
train: {epochs: 2, batch: 64, threads: 1, tensorboard: false}
decode: {lm_weights: [8, 10], penalties: [0.0]}
score: {bootstrap: 100}
"""
GIVEN = ["--recipe", "recipes/tiny", "--nj", "1"]
Said = pytest.CaptureFixture[str]


def told(said: Said, *command: str) -> tuple[int, str]:
    """Exit status and standard error of a command."""
    said.readouterr()
    return main([*command]), said.readouterr().err
