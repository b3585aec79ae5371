"""Recipes of the runs that are packed."""

from __future__ import annotations

from .projects import STAGES_FOLDER

SHORT = "iterations: 3, grow_iterations: 2, gaussians: 30, realign: [1, 2]"
FBANK = f"""
corpus: {{prepare: {STAGES_FOLDER}/tiny.py}}
hmm: {{passes: [{{type: mono, {SHORT}}}]}}
network: {{hidden: [24, 16], dropout: 0.0}}
train: {{epochs: 8, batch: 64, threads: 1, tensorboard: false}}
decode: {{lm_weights: [8, 10], penalties: [0.0]}}
score: {{bootstrap: 100}}
runs: [{{name: dense, prune: {{method: none}}}}]
"""
TIED = f"leaves: 12, {SHORT}"
SAT = FBANK.replace(
    f"[{{type: mono, {SHORT}}}]",
    f"[{{type: mono, {SHORT}}}, {{type: tri, {TIED}}}, {{type: lda_mllt, {TIED}, dim: 12}},"
    f" {{type: sat, {TIED}, fmllr_min_frames: 30}}]",
)
SAT += "features: {network: {type: hmm}}\n"
CTC = f"""
corpus: {{prepare: {STAGES_FOLDER}/spelled.py}}
network: {{type: tdnn, hidden: [48, 32], dropout: 0.0}}
train: {{epochs: 45, utterances: 4, learning_rate: 0.01, threads: 1, tensorboard: false}}
score: {{bootstrap: 100}}
runs: [{{name: dense, prune: {{method: none}}}}]
"""
GREEDY = ("--set", "decode.search=greedy")
#: case: recipe, options
CASES = {"fbank": (FBANK, ()), "sat": (SAT, ()), "graph": (CTC, ()), "greedy": (CTC, GREEDY)}
RUN = "exp/tones/runs/dense"
