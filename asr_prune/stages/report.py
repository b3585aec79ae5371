"""Stage report: all runs of the experiment, those of earlier commands included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from asr_prune.lang.overlap import OVERLAP
from asr_prune.layout import LABELLED_SETS, SCORED_SETS, SETS
from asr_prune.run_dir import RunDir
from asr_prune.score.files import UTTERANCES
from asr_prune.stages.inputs import decoding_inputs, label_inputs
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Files, Work

_PICTURES = [f"{name}.{kind}" for name in ("wer_vs_nodes", "costs", "norms") for kind in ("png", "svg")]
REPORT_FILES = ("results.json", "results.csv", "comparison.json", *_PICTURES, "index.html")
#: any run: its paths are patterns
EVERY_RUN = RunDir(Path("*"))
#: of the runs of folds, what stands on the page of all of them together
_OF_FOLDS = (EVERY_RUN.nodes, EVERY_RUN.shrunk)


def works(experiment: Experiment) -> list[Work]:
    """One work: table, plots and page."""
    if experiment.imported:
        return []
    layout, run = experiment.layout, EVERY_RUN
    words = run.decoded("test") / "penalty_*/*.txt"
    scores = (
        run.recipe,
        run.score("test"),
        run.score("test").with_suffix(UTTERANCES),
        run.score("test_*db"),
    )
    read = [run.result, run.norms, run.weights, run.widths, words, run.verify, *scores]
    read += [run.metrics, *_OF_FOLDS]
    return [
        Work(
            stage="report",
            says="drawing",
            job="asr_prune.report.make_report:make_report",
            arguments={
                "layout": layout,
                "options": experiment.recipe.report,
                "score": experiment.recipe.score,
                "overlap": layout.lang / OVERLAP,
            },
            inputs={},
            outputs=[layout.table, *(layout.report / name for name in REPORT_FILES)],
            optional=[
                Files(layout.runs, tuple(map(str, read))),
                layout.lang / OVERLAP,
                layout.front_end,
                *_shared(experiment),
                *(Files(fold.layout.runs, tuple(map(str, _OF_FOLDS))) for fold in _folds(experiment)),
            ],
            after=["score"],
            home=layout.exp,
        )
    ]


def _folds(experiment: Experiment) -> list[Experiment]:
    """Those that have been put together to `experiment`."""
    return replace(experiment, part="").folds if experiment.layout.fold else []


def _shared(experiment: Experiment) -> list[Path]:
    """What all runs read, each fold's of its own: if it changes, earlier ones are former runs."""
    read: list[Path] = []
    for own in _folds(experiment) or [experiment]:
        read += decoding_inputs(own, SETS) | label_inputs(own, LABELLED_SETS)
        read += (folder / "text" for folder in own.layout.sets(SCORED_SETS))
    return list(dict.fromkeys(read))
