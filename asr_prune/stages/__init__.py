"""The ten stages: each a pure function from an experiment to the works that it is made of."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from asr_prune.errors import UserError
from asr_prune.stages.folds import works_of_folds
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Work

#: in the order of dependencies and of ./run.sh, each with one line of help
STAGES: dict[str, str] = {
    "corpus": "make Kaldi data directories from the corpus",
    "lang": "lexicon and language model to phones, L.fst and G.fst",
    "features": "audio to features and their statistics",
    "align": "train the GMM-HMM and label every frame",
    "graph": "make the decoding graph HCLG, and adapt to the speakers of dev and test",
    "train": "train the networks of the recipe's runs, each with its pruning method",
    "shrink": "remove the pruned nodes and verify that nothing else changed",
    "decode": "recognise the development and test sets with the shrunk networks",
    "score": "choose LM weight and word penalty on dev, count word errors on test",
    "report": "table, plots and page of WER against nodes",
}


def works_of(stage: str, experiment: Experiment) -> list[Work]:
    """The works of a stage, in order. Changes nothing. Raises UserError if the recipe asks for
    something impossible.
    """
    works: Callable[[Experiment], list[Work]]
    works = importlib.import_module(f"{__name__}.{stage}").works
    if experiment.folds:
        return works_of_folds(stage, works, experiment)
    return works(experiment)


def all_works(experiment: Experiment, last: str = "report") -> list[Work]:
    """The works of the stages up to `last`, in order. Before the corpus stage has run they rest on
    the experiment's assumptions.
    """
    return [work for stage in stages_between("corpus", last) for work in works_of(stage, experiment)]


def check_stage(name: str) -> str:
    """`name`, or the stage with that number. Raises UserError if there is no such stage."""
    names = list(STAGES)
    if name.isdecimal() and int(name) < len(names):
        return names[int(name)]
    if name not in STAGES:
        raise UserError(f"there is no stage {name!r}; stages are 0 to 9 or {' '.join(names)}.")
    return name


def stages_between(first: str, last: str) -> list[str]:
    """The stages from `first` to `last`, names or numbers. Raises UserError if there are none."""
    names = list(STAGES)
    begin, end = (names.index(check_stage(name)) for name in (first, last))
    if begin > end:
        what = f"--stage {first} comes after --stop-stage {last}"
        raise UserError(f"{what}, so nothing would be done; exchange them.")
    return names[begin : end + 1]
