"""Stage shrink: the physically smaller network of each run, compared with the masked one."""

from __future__ import annotations

from asr_prune.layout import SCORED_SETS
from asr_prune.run_dir import RunDir
from asr_prune.stages.inputs import decoding_inputs, front_end_files
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Work


def works(experiment: Experiment) -> list[Work]:
    """Two works for each run: remove the nodes, and verify that nothing else changed."""
    folders = [experiment.run_dir(run) for run in experiment.runs]
    return [work for folder in folders for work in (_shrink(folder), _verify(experiment, folder))]


def _shrink(run: RunDir) -> Work:
    return Work(
        stage="shrink",
        run=run.name,
        says="removing nodes",
        job="asr_prune.pruning.shrink_job:shrink_run",
        arguments={"run": run},
        inputs={run.network: "train"},
        outputs=[run.shrunk, run.size],
        home=run.path,
    )


def _verify(experiment: Experiment, run: RunDir) -> Work:
    says = "comparing with the masked network"
    if experiment.imported:
        says += " by outputs"
    elif not experiment.has_hmm:
        says += " by logits alone: the labels came without an HMM to decode with"
    return Work(
        stage="shrink",
        piece="verify",
        run=run.name,
        says=says,
        job="asr_prune.score.verify_run:verified_run",
        arguments={"run": run},
        uncounted={"decoding": experiment.decoding, "nj": experiment.nj},
        inputs=dict.fromkeys((run.network, run.before_cut, run.train, run.recipe), "train")
        | {run.shrunk: "shrink"}
        | decoding_inputs(experiment, SCORED_SETS),
        outputs=[run.verify],
        optional=front_end_files(experiment),
        home=run.path,
        unfinished=[run.verifying],
    )
