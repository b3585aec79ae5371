"""Stage corpus: the recipe's local script makes the data directories."""

from __future__ import annotations

import os
from pathlib import Path

from asr_prune.corpus.datadir import TABLES
from asr_prune.corpus.script import find_script, script_files
from asr_prune.layout import SETS
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Listing, Work


def works(experiment: Experiment) -> list[Work]:
    """One work: run the local script and record the facts about the corpus."""
    recipe, layout, loaded = experiment.recipe, experiment.layout, experiment.loaded
    script = find_script(recipe.corpus.prepare, [Path(), loaded.project], str(loaded.path))
    audio = recipe.features.need_audio
    tables = TABLES if audio else TABLES[1:]
    folder = recipe.lang.folder
    arguments = {"script": script, "corpus": recipe.corpus, "seed": recipe.seed, "audio": audio}
    places = {"sets": layout.sets(), "out": layout.data, "facts": layout.facts}
    return [
        Work(
            stage="corpus",
            says=f"preparing with {os.path.relpath(script)}",
            job="asr_prune.corpus.prepare:prepare_corpus",
            arguments=arguments,
            uncounted=places | {"words": folder / "words.txt" if folder else layout.dictionary / "lexicon.txt"},
            inputs={},
            outputs=[layout.facts, *(layout.set(part) / name for part in SETS for name in tables)],
            optional=[
                Listing("asr_prune.corpus.prepare:corpus_files", {"script": script, "corpus": recipe.corpus}),
            ],
            scripts=script_files(script),
            home=layout.exp,
        )
    ]
