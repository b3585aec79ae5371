"""What is fuzzed: a small project, run to its end, with the folders of a Kaldi user beside it.

recipes/tones, data/tones, exp/tones   an experiment of three tones, with lattices
packed.asr                             its packed model
tone.wav                               a test utterance
ali                                    its labels as Kaldi has them, with model and tree
user/data/{train,dev,test}, user/dict, user/lm.arpa   a Kaldi user's files, in recipes/taken
init.pt                                a network to start from
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.stages import STAGES

TINY = Path(__file__).parent.parent / "stages/tiny.py"
LOCAL = Path(__file__).parents[2] / "local"
SHORT = "iterations: 3, grow_iterations: 2, gaussians: 30, realign: [1, 2]"
TIED = f"leaves: 12, {SHORT}"
TONES = f"""
corpus: {{prepare: {TINY}}}
hmm:
  passes:
    - {{type: mono, {SHORT}}}
    - {{type: tri, {TIED}}}
    - {{type: lda_mllt, {TIED}, dim: 12}}
    - {{type: sat, {TIED}, fmllr_min_frames: 30}}
features: {{network: {{type: hmm}}}}
network: {{hidden: [24, 16], dropout: 0.0}}
train: {{epochs: 8, batch: 64, threads: 1, tensorboard: false}}
decode: {{lm_weights: [8, 10], penalties: [0.0], lattice: true}}
score: {{bootstrap: 100}}
runs: [{{name: dense, prune: {{method: none}}}}, {{prune: {{method: magnitude, keep: 0.5}}}}]
"""
TAKEN = f"""
corpus:
  prepare: {LOCAL}/kaldi.py
  root: .
  options:
    train: user/data/train
    dev: user/data/dev
    test: user/data/test
    lexicon: user/dict/lexicon.txt
    lm: user/lm.arpa
features: {{hmm: {{archives: data/taken/given}}, network: {{archives: data/taken/given}}}}
hmm: {{passes: [{{type: mono, {SHORT}}}]}}
network: {{hidden: [24, 16], dropout: 0.0}}
train: {{epochs: 1, batch: 64, threads: 1, tensorboard: false}}
runs: [{{name: dense, prune: {{method: none}}}}]
"""


def build(folder: Path) -> None:
    """Runs everything in `folder`, which is the current folder afterwards; a minute on one core."""
    for name, text in (("tones", TONES), ("taken", TAKEN)):
        (folder / "recipes" / name).mkdir(parents=True, exist_ok=True)
        (folder / "recipes" / name / "recipe.yaml").write_text(text)
    os.chdir(folder)
    for verb in STAGES:
        _must(verb, "--recipe", "recipes/tones", "--nj", "1")
    _must("pack", "exp/tones/runs/dense", "packed.asr")
    _must("export-kaldi", "exp/tones/align/sat", "ali", "--nj", "1")
    shutil.copy("exp/tones/runs/dense/shrunk/network.pt", "init.pt")
    test = DataDir.read("data/tones/test")
    shutil.copy(test.wavs[min(test.wavs)], "tone.wav")
    _kaldi_root(folder)


def _must(*command: str) -> None:
    if status := main(command):
        raise SystemExit(f"asr-prune {' '.join(command)}: exit status {status}")


def _kaldi_root(folder: Path) -> None:
    root = folder / "user"
    for part in ("train", "dev", "test"):
        plain = shutil.ignore_patterns("SHA256SUMS", ".*")  # it is a user's folder
        shutil.copytree(folder / "data/tones" / part, root / "data" / part, ignore=plain)
        for name in ("feats.scp", "cmvn.scp"):
            table = root / "data" / part / name
            table.write_text(table.read_text().replace("data/tones", "user/data"))
    train = DataDir.read(root / "data/train")
    (root / "data/train/utt2dur").write_text("".join(f"{name} 1.25\n" for name in sorted(train.text)))
    shutil.copytree(root / "data/train", cut := root / "data/cut")
    (cut / "segments").write_text("".join(f"{name} {name} 0.0 1.0\n" for name in sorted(train.text)))
    (root / "dict").mkdir()
    shutil.copy(folder / "data/tones/local/lexicon.txt", root / "dict")
    shutil.copy(folder / "data/tones/local/lm.arpa", root)
    (folder / "lm.txt").write_text("LOW HIGH\nMID MID LOW\nHIGH LOW MID HIGH\n" * 5)
