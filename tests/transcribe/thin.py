"""A run on the corpus of tones that writes down files."""

from __future__ import annotations

from .projects import STAGES_FOLDER, Printed, said

RECIPE = f"""
corpus: {{prepare: {STAGES_FOLDER}/tiny.py}}
hmm: {{passes: [{{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}}]}}
network: {{hidden: [32, 24], dropout: 0.1}}
train: {{epochs: 12, batch: 64, threads: 1, tensorboard: false}}
decode: {{lm_weights: [8, 10], penalties: [0.0]}}
score: {{bootstrap: 100}}
runs: [{{name: thin, prune: {{method: l1, vectors: outgoing, keep: 0.5, penalty: 3.0e-4}}}}]
"""
RUN = "exp/tones/runs/thin"


def transcribed(printed: Printed, *command: object, run: str = RUN) -> tuple[int, str, str]:
    """As `said`, of the run."""
    return said(printed, run, *command)
