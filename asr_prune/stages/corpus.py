"""Stage corpus: the recipe's local script makes the data directories."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from asr_prune.corpus.datadir import TABLES
from asr_prune.corpus.options import CorpusOptions
from asr_prune.corpus.scp import project_path
from asr_prune.corpus.script import find_script, script_files, script_name
from asr_prune.layout import SETS
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Listing, Work


def works(experiment: Experiment) -> list[Work]:
    """One work: run the local script and record the facts about the corpus."""
    recipe, layout, loaded = experiment.recipe, experiment.layout, experiment.loaded
    corpus = _in_project(recipe.corpus)
    script = find_script(corpus.prepare, [Path(), loaded.project], str(loaded.path))
    audio = recipe.features.need_audio
    tables = TABLES if audio else TABLES[1:]
    folder = recipe.lang.folder
    arguments = {"corpus": corpus, "seed": recipe.seed, "audio": audio}
    places = {"script": script, "sets": layout.sets(), "out": layout.data, "facts": layout.facts}
    return [
        Work(
            stage="corpus",
            says=f"preparing with {os.path.relpath(script)}",
            job="asr_prune.corpus.prepare:prepare_corpus",
            arguments=arguments,
            uncounted=places | {"words": folder / "words.txt" if folder else None},
            inputs={},
            outputs=[layout.facts, *(layout.set(part) / name for part in SETS for name in tables)],
            optional=[
                Listing("asr_prune.corpus.prepare:corpus_files", {"script": script, "corpus": corpus}),
            ],
            scripts={script_name(path): path for path in script_files(script)},
            home=layout.exp,
        )
    ]


def _in_project(corpus: CorpusOptions) -> CorpusOptions:
    """With a root relative to the project if it is inside, as data that moves with it."""
    root = corpus.root
    return replace(corpus, root=project_path(root)) if root and root.is_absolute() else corpus
