"""Stage corpus: the recipe's local script makes the data directories."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from asr_prune.corpus.datadir import TABLES
from asr_prune.corpus.options import CorpusOptions
from asr_prune.corpus.scp import project_path
from asr_prune.corpus.script import (
    find_script,
    load_script,
    script_files,
    script_name,
    script_options,
)
from asr_prune.errors import UserError
from asr_prune.layout import SETS, UNTRANSCRIBED, noisy_set
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Listing, Work


def works(experiment: Experiment) -> list[Work]:
    """Run the local script and record the facts about the corpus; then, if asked to, copy the test
    set with noise, and take speech without transcripts.
    """
    noise = [_noise(experiment)] if experiment.recipe.noise.snr else []
    return [
        _prepare(experiment),
        *noise,
        *([_taken(experiment)] if experiment.recipe.corpus.untranscribed else []),
    ]


def _taken(experiment: Experiment) -> Work:
    layout, source = experiment.layout, experiment.recipe.corpus.untranscribed
    assert source is not None
    out, sets = layout.set(UNTRANSCRIBED), [layout.set(part) for part in SETS]
    return Work(
        stage="corpus",
        piece=UNTRANSCRIBED,
        says=f"taking the speech without transcripts in {source}",
        job="asr_prune.corpus.untranscribed:take_untranscribed",
        arguments={"source": source, "out": out, "sets": sets},
        inputs={folder / name: "corpus" for folder in sets for name in ("text", "utt2spk", "wav.scp")},
        outputs=[out / name for name in TABLES],
        optional=[source / name for name in ("wav.scp", "utt2spk", "segments")],
        home=layout.exp,
    )


def _noise(experiment: Experiment) -> Work:
    recipe, layout = experiment.recipe, experiment.layout
    if not recipe.features.need_audio:
        raise UserError(
            "noise.snr asks for a test set with noise, which finished features cannot have; set noise.snr=."
        )
    outs = {snr: layout.set(noisy_set(snr)) for snr in recipe.noise.snr}
    sets = [layout.set("test"), layout.set("train")]
    return Work(
        stage="corpus",
        piece="noise",
        says="adding noise to the test set",
        job="asr_prune.corpus.noise:make_noisy_sets",
        arguments={
            "test": sets[0],
            "train": sets[1],
            "outs": outs,
            "corpus": _in_project(recipe.corpus),
            "talkers": recipe.noise.talkers,
            "seed": recipe.seed,
        },
        inputs={folder / name: "corpus" for folder in sets for name in TABLES},
        outputs=[out / name for out in outs.values() for name in TABLES],
        optional=[
            *(folder / "segments" for folder in sets),
            Listing("asr_prune.corpus.datadir:audio_files", {"folders": sets}),
        ],
        home=layout.exp,
    )


def _prepare(experiment: Experiment) -> Work:
    recipe, layout = experiment.recipe, experiment.layout
    corpus = _in_project(recipe.corpus)
    script = _script(experiment)
    folder = recipe.lang.folder
    audio = recipe.features.need_audio
    tables = TABLES if audio else TABLES[1:]
    arguments = {"corpus": corpus, "seed": recipe.seed, "audio": audio}
    arguments |= {"transcribed": False} if experiment.imported else {}
    places = {"script": script, "sets": layout.sets(), "out": layout.data, "facts": layout.facts}
    return Work(
        stage="corpus",
        says=f"preparing with {os.path.relpath(script)}",
        job="asr_prune.corpus.prepare:prepare_corpus",
        arguments=arguments,
        uncounted=places
        | {"words": folder / "words.txt" if folder else None, "oov": _oov(experiment), "nj": experiment.nj},
        inputs={},
        outputs=[layout.facts, *(layout.set(part) / name for part in SETS for name in tables)],
        optional=[
            Listing("asr_prune.corpus.prepare:corpus_files", {"script": script, "corpus": corpus}),
        ],
        scripts={script_name(path): path for path in script_files(script)},
        home=layout.exp,
    )


def _oov(experiment: Experiment) -> str | None:
    """The word for words without a pronunciation; None if networks learn to spell words, which need
    none.
    """
    lang = experiment.recipe.lang
    spelled = experiment.loaded.recipe.decode.type == "ctc" and lang.tokens != "phones"
    return None if spelled else lang.oov_word


def check_script(experiment: Experiment) -> None:
    """Raises UserError, with the line or `--set`, if the local script cannot be loaded or does not
    take corpus.options or corpus.subset.

    A script that gets either is imported; its `prepare` is not called.
    """
    corpus, script = experiment.recipe.corpus, _script(experiment)
    if not corpus.options and not corpus.subset:
        return
    key = "options" if corpus.options else "subset"
    try:
        script_options(load_script(script), corpus)
    except UserError as error:
        raise UserError(f"{experiment.loaded.where(('corpus', key))}: {error}") from None


def _script(experiment: Experiment) -> Path:
    loaded = experiment.loaded
    return find_script(experiment.recipe.corpus.prepare, [Path(), loaded.project], str(loaded.path))


def _in_project(corpus: CorpusOptions) -> CorpusOptions:
    """Of the whole corpus, with a root relative to the project if it is inside, as data that moves
    with it.
    """
    root = corpus.root
    return replace(
        corpus,
        folds=0,
        untranscribed=None,
        root=project_path(root) if root and root.is_absolute() else root,
    )
