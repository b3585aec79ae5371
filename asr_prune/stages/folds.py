"""Cross-validation: the works of a stage for every fold, which is an experiment of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from asr_prune.corpus.datadir import TABLES
from asr_prune.corpus.facts import ARPA, LM_TEXT
from asr_prune.errors import UserError
from asr_prune.hmm.network_features import FEATURE_FILES, feature_folder
from asr_prune.lang.overlap import OVERLAP
from asr_prune.layout import POOLED, SCORED_SETS, SETS
from asr_prune.recipe.blocks import Run
from asr_prune.run_dir import is_path
from asr_prune.score.files import score_files
from asr_prune.stages.decode import words_files
from asr_prune.stages.inputs import ARCHIVE
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Work

#: the works of a stage
Declare = Callable[[Experiment], list[Work]]


def works_of_folds(stage: str, works: Declare, experiment: Experiment) -> list[Work]:
    """The works of a stage for all folds. works: those for one experiment.

    Corpus and features are made of the whole corpus first, and divided; score and lang end with
    what all folds together gave; the report is of that alone. Raises UserError if the recipe uses
    something that was learned outside the folds.
    """
    _check(experiment)
    if stage == "report":
        return works(experiment.pooled)
    if stage == "corpus":
        return [*works(experiment), *(_divided(fold) for fold in experiment.folds)]
    if stage == "features":
        whole = works(experiment)
        return [
            *whole,
            *(_selected(fold, work.piece) for fold in experiment.folds for work in whole),
        ]
    made = [_of_fold(experiment, fold, work) for fold in experiment.folds for work in works(fold)]
    if stage == "lang":
        made.append(_overlap(experiment))
    if stage == "score":
        made += [_pooled(experiment, i) for i in range(len(experiment.runs))]
    return made


def _number(fold: Experiment) -> str:
    return fold.layout.fold


def _of_fold(whole: Experiment, fold: Experiment, work: Work) -> Work:
    """What outdates a run's result in its fold outdates that of all folds together."""
    pooled = [whole.pooled.layout.run(work.run).result] if work.outdates else []
    return replace(work, fold=_number(fold), outdates=[*work.outdates, *pooled])


def _check(experiment: Experiment) -> None:
    """Raises UserError if something learned outside the folds, perhaps on the test speakers of one,
    would be used in them.
    """
    where = experiment.loaded.where(("corpus", "folds"))
    if experiment.recipe.noise.snr:
        raise UserError(f"{where}: corpus.folds has no test set to add noise to; set noise.snr=, or corpus.folds to 0.")
    if experiment.imported:
        why = "corpus.folds: an imported model may know all speakers"
        raise UserError(f"{where}: {why}; set corpus.folds to 0.")
    labels, model = experiment.recipe.hmm.labels, experiment.recipe.features.network.model
    asked = [f"hmm.labels names {labels}"] if labels else []
    asked += [f"features.network.model names {model}"] if model else []
    for run in experiment.runs:
        asked += [f"run {run.name}: {what}" for what in _learned_elsewhere(run)]
    if asked:
        why = f"{asked[0]}, which may know the test speakers of a fold"
        raise UserError(f"{where}: corpus.folds: {why}; leave it out, or set corpus.folds to 0.")


def _learned_elsewhere(run: Run) -> list[str]:
    init = [f"train.init names {run.train.init}"] if run.train.init else []
    return init + [f"train.teacher names {name}" for name in run.train.teachers if is_path(name)]


def _divided(fold: Experiment) -> Work:
    layout, sources = fold.layout, fold.layout.whole.sets()
    names = TABLES if fold.recipe.features.need_audio else TABLES[1:]
    count = fold.recipe.corpus.folds
    return Work(
        stage="corpus",
        fold=_number(fold),
        says=f"dividing the speakers, {count} folds",
        job="asr_prune.corpus.folds:write_fold",
        arguments={
            "sources": sources,
            "outs": {part: layout.set(part) for part in SETS},
            "count": count,
            "fold": int(layout.fold),
        },
        inputs={folder / name: "corpus" for folder in sources for name in names if name != "spk2utt"},
        outputs=[folder / name for folder in layout.sets() for name in names],
        optional=[folder / "segments" for folder in sources],
        home=layout.exp,
    )


def _selected(fold: Experiment, kind: str) -> Work:
    layout = fold.layout
    sources = [feature_folder(folder, kind) for folder in layout.whole.sets()]
    outs = [feature_folder(folder, kind) for folder in layout.sets()]
    read = [name for name in FEATURE_FILES if name != ARCHIVE]
    return Work(
        stage="features",
        piece=kind,
        fold=_number(fold),
        says="selecting from those of the whole corpus",
        job="asr_prune.features.select:select_features",
        arguments={"sources": sources, "sets": layout.sets(), "outs": outs},
        inputs={folder / "utt2spk": "corpus" for folder in layout.sets()}
        | {source / name: "features" for source in sources for name in read},
        outputs=[out / name for out in outs for name in read],
        home=layout.exp,
    )


def _overlap(experiment: Experiment) -> Work:
    """What all folds share, and what the text of their language models has of their test."""
    layout, facts = experiment.pooled.layout, experiment.facts
    counted = [fold.layout.lang / OVERLAP for fold in experiment.folds]
    brought = [] if facts is None else [ARPA] * facts.arpa + [LM_TEXT] * facts.lm_text
    lexicon = [facts.lexicon_file] if facts and facts.lexicon else []
    return Work(
        stage="lang",
        fold=POOLED,
        says="what the folds share",
        job="asr_prune.lang.overlap:pool_overlap",
        arguments={"sources": counted, "shared": [*lexicon, *brought], "out": layout.lang},
        inputs={},
        outputs=[layout.lang / OVERLAP],
        optional=counted,
        after=["lang"],
        home=layout.exp,
    )


def _pooled(experiment: Experiment, index: int) -> Work:
    """A run of all folds together: its row, and its words as one test set."""
    run, out = experiment.runs[index], experiment.pooled.run_dir(experiment.runs[index])
    runs = [fold.run_dir(run) for fold in experiment.folds]
    sets = {part: [fold.layout.set(part) for fold in experiment.folds] for part in SCORED_SETS}
    inputs = {folder.result: "score" for folder in runs}
    inputs |= {folder.recipe: "train" for folder in runs}
    folders = [folder for paths in sets.values() for folder in paths]
    inputs |= {folder / name: "corpus" for folder in folders for name in ("text", "utt2spk")}
    for folder in runs:
        inputs |= dict.fromkeys(words_files(folder, experiment.recipe.decode), "decode")
    scores = [file for part in SCORED_SETS for file in score_files(out.score(part))]
    return Work(
        stage="score",
        run=run.name,
        fold=POOLED,
        says="putting the folds together",
        job="asr_prune.report.pool:pool_run",
        arguments={
            "runs": runs,
            "sets": sets,
            "out": out,
            "score": experiment.recipe.score,
            "decode": experiment.recipe.decode,
        },
        inputs=inputs,
        outputs=[out.result, out.recipe, *scores],
        home=out.path,
    )
