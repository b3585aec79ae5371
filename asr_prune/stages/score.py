"""Stage score: LM weight and word penalty chosen on dev, word errors on test, and the run's row of
the report.
"""

from __future__ import annotations

from typing import Any

from asr_prune.layout import SCORED_SETS
from asr_prune.recipe.load import Run
from asr_prune.recipe.naming import compact, variant
from asr_prune.run_dir import decode_info
from asr_prune.score.files import score_files
from asr_prune.stages.decode import words_files
from asr_prune.stages.inputs import noisy_sets
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Work


def works(experiment: Experiment) -> list[Work]:
    """One work for each run, and one more for its test sets with noise."""
    if experiment.imported:
        return []
    noisy = [_noise] if noisy_sets(experiment) else []
    return [make(experiment, run) for run in experiment.runs for make in (_work, *noisy)]


def _noise(experiment: Experiment, run: Run) -> Work:
    layout, folder, parts = experiment.layout, experiment.run_dir(run), noisy_sets(experiment)
    options = experiment.recipe.decode
    inputs = {layout.set(part) / name: "corpus" for part in parts for name in ("text", "utt2spk")}
    inputs |= dict.fromkeys(words_files(folder, options, parts), "decode") | {folder.score("test"): "score"}
    return Work(
        stage="score",
        piece="noise",
        run=run.name,
        says="scoring with noise",
        job="asr_prune.report.score_noise:score_noise",
        arguments={
            "run": folder,
            "sets": {part: layout.set(part) for part in parts},
            "score": experiment.recipe.score,
        },
        inputs=inputs,
        outputs=[folder.score(part) for part in parts],
        home=folder.path,
    )


def _work(experiment: Experiment, run: Run) -> Work:
    layout, folder = experiment.layout, experiment.run_dir(run)
    sets = {part: layout.set(part) for part in SCORED_SETS}
    inputs = {decode_info(folder.decoded(part)): "decode" for part in SCORED_SETS}
    inputs |= {folder.train: "train", folder.recipe: "train", folder.size: "shrink"}
    inputs |= {path / name: "corpus" for path in sets.values() for name in ("text", "utt2spk")}
    inputs |= dict.fromkeys(words_files(folder, experiment.recipe.decode), "decode")
    return Work(
        stage="score",
        run=run.name,
        says="scoring",
        job="asr_prune.report.score_run:score_run",
        arguments={
            "run": folder,
            "sets": sets,
            "settings": settings(experiment, run),
            "score": experiment.recipe.score,
            "decode": experiment.recipe.decode,
            "code_accepted": experiment.accepted(folder),
        },
        inputs=inputs,
        outputs=[folder.result, *score_files(folder.score("dev")), folder.score("test")],
        home=folder.path,
    )


#: settings of networks and training that a row has columns for
_OF_OTHER_COLUMNS = {"hidden", "teacher"}


def settings(experiment: Experiment, run: Run) -> dict[str, Any]:
    """The part of a row of results.json that says what was asked for."""
    prune, changed = run.prune, experiment.loaded.deviations(run.network, run.train)
    others = (f"{key} {_text(value)}" for key, value in changed if key not in _OF_OTHER_COLUMNS)
    return {
        "run": run.name,
        "recipe": experiment.name,
        "method": prune.method,
        "vectors": getattr(prune, "vectors", None),
        "variant": ", ".join(filter(None, [variant(prune), *others])) or None,
        "like": getattr(prune, "like", None),
        "teachers": list(run.train.teachers),
        "strength": prune.strength,
        "keep_asked": prune.keep,
        **({} if prune.budget is None else {"budget_asked": str(prune.budget)}),
        "sparsity_asked": prune.sparsity_asked,
        "release": prune.fine_tune,
        "seed": run.seed,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else compact(value)
