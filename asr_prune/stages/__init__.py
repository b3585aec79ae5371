"""The ten stages, joined: what each reads, what it writes, and whether it is already done."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from asr_prune.workflow.context import Context

#: in the order of ./run.sh, with one line of help each
STAGES: dict[str, str] = {
    "corpus": "make Kaldi data directories from the corpus",
    "lang": "lexicon to phones, L.fst and G.fst",
    "features": "audio to features and their statistics",
    "align": "train the GMM-HMM and label every frame",
    "train": "train the networks of the recipe's runs, each with its pruning method",
    "shrink": "remove the pruned nodes for good and verify that nothing else changed",
    "graph": "make the decoding graph HCLG",
    "decode": "recognise the development and test sets with the shrunk networks",
    "score": "choose LM weight and word penalty on dev, count word errors on test",
    "report": "table, plots and page of WER against nodes",
}

_FILES = {
    "data": ("corpus", "lang", "features"),
    "alignment": ("align",),
    "networks": ("train", "shrink"),
    "decoding": ("graph", "decode"),
    "scoring": ("score", "report"),
}


def find_stage(name: str) -> Callable[[Context], None]:
    """The function of a stage."""
    file = next(file for file, names in _FILES.items() if name in names)
    stage: Callable[[Context], None] = getattr(importlib.import_module(f"{__name__}.{file}"), name)
    return stage
