"""Invented runs of equal words, as the score stage leaves them, that are compared in sets."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import yaml

from asr_prune.run_dir import RunDir
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import score
from asr_prune.score.write import write_score

from .conftest import invented_row

REFS = {f"s{k}-{i}": random.Random(f"{k}{i}").choices("abcdefgh", k=8) for k in range(6) for i in range(8)}


def scored(
    name: str,
    rate: float,
    seed: int = 1,
    method: str = "none",
    exp: str = "x",
    epochs: int = 8,
    **more: Any,
) -> RunDir:
    """A finished run that has about `rate` of the words wrong."""
    run, dice = RunDir(Path("exp") / exp / "runs" / name), random.Random(f"{name}{seed}")
    run.path.mkdir(parents=True)
    hyps = {utt: [word if dice.random() > rate else "z" for word in words] for utt, words in REFS.items()}
    options = ScoreOptions(bootstrap=0, **more.pop("score", {}))
    write_score(run.score("test"), score(hyps, REFS, {utt: utt[:2] for utt in REFS}, options))
    row = invented_row(name, method, 512 if method == "none" else 256, 10.0, seed=seed, **more)
    run.result.write_text(json.dumps(row))
    asked = {"name": name, "seed": seed, "command": name, "prune": {"method": method}}
    train = {"epochs": epochs, "device": f"cuda:{seed}", "teacher": more.get("teachers", [])}
    run.recipe.write_text(yaml.safe_dump(asked | {"train": train}))
    return run


def trained(exp: str = "x") -> None:
    """Dense, a good and a bad method, three seeds each."""
    for seed in (1, 2, 3):
        end = "" if seed == 1 else f"-s{seed}"
        for name, rate, method in (("dense", 0.1, "none"), ("good", 0.1, "l1"), ("bad", 0.4, "l2")):
            scored(f"{name}{end}", rate, seed, method, exp)
