"""Stage train: one network for each run of the recipe, pruned while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from asr_prune.acoustic.options import NO_EFFECT, TrainOptions, check_strides
from asr_prune.errors import UserError, did_you_mean
from asr_prune.layout import UNTRANSCRIBED
from asr_prune.nnet3.places import MODELS
from asr_prune.pruning.registry import method_modules
from asr_prune.recipe.load import Run
from asr_prune.run_dir import RunDir, is_path, teacher_file, teacher_run
from asr_prune.stages.features import check_untranscribed
from asr_prune.stages.inputs import front_end_files, label_inputs, network_inputs
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Files, Work, plain


def works(experiment: Experiment) -> list[Work]:
    """One work for each run."""
    runs = experiment.runs
    for i, run in enumerate(runs):
        check_run(experiment, run)
        check_target(experiment, run)
        check_size(experiment, run)
        check_input_count(experiment, run)
        check_teachers(experiment, run, runs[:i], runs[i + 1 :])
    return [_work(experiment, run, f"training, run {i} of {len(runs)}") for i, run in enumerate(runs, 1)]


def _work(experiment: Experiment, run: Run, says: str) -> Work:
    layout, folder, features = experiment.layout, experiment.run_dir(run), experiment.features
    inputs = network_inputs(experiment, ("train", "dev")) | label_inputs(experiment, ("train", "dev"))
    model = [Files(Path(run.network.model), MODELS)] if run.network.model else []
    init = [Files(Path(run.train.init), (str(RunDir(Path()).network),))] if run.train.init else []
    own, foreign = teachers_of(run, layout.runs)
    beside: dict[str, Any] = {}
    if run.train.teachers and experiment.recipe.corpus.untranscribed:
        check_untranscribed(experiment)
        beside = {"untranscribed": layout.set(UNTRANSCRIBED)}
        inputs |= network_inputs(experiment, (UNTRANSCRIBED,))
    if experiment.imported and experiment.recipe.hmm.labels:
        beside["labelled"] = True
    usual = {name: getattr(TrainOptions, name) for name in NO_EFFECT}
    files = [folder.recipe, folder.network, folder.before_cut, folder.train, folder.nodes]
    files += [folder.norms, folder.metrics, folder.trail]
    return Work(
        stage="train",
        run=run.name,
        says=says,
        job="asr_prune.pruning.train_job:train_one",
        arguments={
            "run": folder,
            "seed": run.seed,
            "network": run.network,
            "train": replace(run.train, **usual),
            "prune": run.prune,
            "features": features,
            **beside,
        },
        uncounted={
            "data": layout.data,
            "align": layout.align,
            "lang": layout.lang if experiment.ctc else None,
            "recipe": run_recipe(experiment, run),
            "how": {name: getattr(run.train, name) for name in NO_EFFECT},
        },
        inputs=inputs | dict.fromkeys([*run.prune.reads(layout.runs), *own], "train"),
        outputs=files,
        optional=[*front_end_files(experiment), *init, *foreign, *model],
        code=method_modules(run.prune.method),
        home=folder.path,
        unfinished=[folder.models, folder.metrics],
        outdates=[folder.result, folder.widths, folder.weights],
    )


def run_recipe(experiment: Experiment, run: Run) -> str:
    """recipe.yaml of a run: what it was asked, every default filled in."""
    content = plain(run) | {"command": experiment.command(), "recipe": experiment.name}
    text: str = yaml.safe_dump(content, sort_keys=False)
    return text


def teachers_of(run: Run, runs: Path) -> tuple[list[Path], list[Path]]:
    """The model files of the run's teachers: of runs in folder `runs`, and others."""
    own, foreign = ([name for name in run.train.teachers if bool(teacher_run(name, runs)) is x] for x in (True, False))
    return [teacher_file(name, runs) for name in own], [teacher_file(name, runs) for name in foreign]


def check_teachers(experiment: Experiment, run: Run, earlier: Sequence[Run], later: Sequence[Run]) -> None:
    """Raises UserError if a teacher of the run is neither one of the runs before it, `earlier`, nor
    trained already, or if it is `later` or keeps fewer frames.
    """
    runs = experiment.layout.runs
    before, after = {other.name: other for other in earlier}, {other.name for other in later}
    for name in run.train.teachers:
        file, owner, where = (
            teacher_file(name, runs),
            teacher_run(name, runs),
            f"run {run.name}: train.teacher",
        )
        if owner == run.name:
            raise UserError(f"{where} names the run itself; name another run.")
        if owner in after:
            raise UserError(f"{where}: {owner} stands after this run in runs; move it before.")
        if owner in before:
            check_strides(f"{where}: {owner}", before[owner].network.stride, run.network.stride)
            _check_own(where, file, RunDir(runs / owner))
        elif not file.is_file():
            raise _no_teacher(where, name, file, list(before))


def _check_own(where: str, file: Path, owner: RunDir) -> None:
    """Raises UserError if the training of the recipe's run `owner` does not make the model `file`."""
    if file.parent != owner.models:
        raise UserError(f"{where}: {file} is not made before this run is trained; name the run, {owner.name}, instead.")


def _no_teacher(where: str, name: str, file: Path, earlier: Sequence[str]) -> UserError:
    if is_path(name):
        return UserError(
            f"{where}: {file} is not there; give the folder of a trained run, its model/network.pt, or a final.mdl."
        )
    said = f"{where} {name!r} is no run before this one in runs, and {file.parents[1]} is not trained"
    if Path(name).is_dir():
        return UserError(f"{said}; for the folder write ./{name}.")
    hint = did_you_mean(name, earlier)
    if not hint.endswith("?"):
        known = f" ({', '.join(earlier)})" if earlier else ""
        hint = f"; give such a run{known}, the folder of a trained one, or a final.mdl of nnet3."
    return UserError(f"{said}{hint}")


def check_target(experiment: Experiment, run: Run) -> None:
    """Raises UserError if nothing says how much the method of a run is to remove. A recipe that a
    search or a sweep starts from need not say it.
    """
    try:
        run.prune.check_target()
    except ValueError as error:
        where = experiment.loaded.where(("prune",), run.prune.ASKS)
        raise UserError(f"{where}: run {run.name}: prune: {error}.") from None


def check_size(experiment: Experiment, run: Run) -> None:
    """Raises UserError if the network of a run cannot be made small enough for its budget, as far
    as its outputs are known.
    """
    if run.prune.budget is None or run.prune.budget.priced or experiment.outputs is None:
        return
    from asr_prune.pruning.networks import check_budget, unmade  # imports torch

    check_budget(run.prune, unmade(run.network, experiment.dim, experiment.outputs), f"run {run.name}: prune")


def check_input_count(experiment: Experiment, run: Run) -> None:
    """Raises UserError if a run is to keep fewer coefficients of the spliced input than can be
    had.
    """
    if not run.prune.removes_inputs:
        return
    frames = run.network.left_context + 1 + run.network.right_context
    try:
        run.prune.check_inputs(experiment.dim * frames)
    except ValueError as error:
        where = experiment.loaded.where(("prune",), ("inputs", "min_nodes"))
        raise UserError(f"{where}: run {run.name}: prune: {error}.") from None


def check_run(experiment: Experiment, run: Run) -> None:
    """Raises UserError if a run asks for what only CTC has, augments the bands of features that have
    none, or has a setting without effect.
    """
    hmm = experiment.settled and not experiment.ctc
    _check_import(experiment, run)
    _check_idle(experiment, run)
    if hmm and not experiment.imported and (stride := run.network.stride) > 1:
        raise UserError(
            f"run {run.name}: network.strides keep one frame of {stride}, but every frame has a label of the "
            "GMM-HMM; set network.strides to [1], or decode.type to ctc."
        )
    train, feats = run.train, experiment.recipe.features.network
    if hmm and any((train.tempo, train.warp, train.mask_frames, train.mask_bands)):
        raise UserError(
            f"run {run.name}: tempo, warp, mask_frames and mask_bands change whole utterances, which only CTC "
            "trains on; leave them out of train, or set decode.type to ctc."
        )
    if (train.warp or train.mask_bands) and (feats.type != "fbank" or feats.deltas or feats.use_energy):
        raise UserError(
            f"run {run.name}: train.warp and train.mask_bands change the bands of a filterbank; set "
            "features.network.type to fbank without deltas and use_energy, or leave the two out."
        )


def _check_idle(experiment: Experiment, run: Run) -> None:
    """Raises UserError if a run has a setting that its network or its loss leaves without effect."""
    train, network = run.train, run.network
    if experiment.settled and experiment.ctc and train.teachers and train.teacher_top != TrainOptions.teacher_top:
        raise UserError(f"run {run.name}: teachers of CTC are run on every batch; leave train.teacher_top out.")
    if run.prune.turns and not network.model and network.type != "tdnnf":
        raise UserError(
            f"run {run.name}: a network of type {network.type} has no bottlenecks that prune.turn could turn; "
            "leave turn out, or set network.type to tdnnf."
        )


def _kept_by_imports(run: Run) -> str:
    """What a run would change of an imported model that stays as it is; empty if it is nothing."""
    prune = run.prune
    if prune.FACTORS:
        return f"prune.method {prune.method} factors networks that are made here, not imported models; take another"
    if prune.removes_inputs:
        return "an imported model keeps its inputs; leave prune.inputs out"
    if prune.output_rank is not None:
        return "an imported model keeps its output layer whole; leave prune.output_rank out"
    return ""


def _check_import(experiment: Experiment, run: Run) -> None:
    """Raises UserError if a run mixes an imported model with others, or with another teacher."""
    network, feats = run.network, experiment.recipe.features.network
    if bool(network.model) != experiment.imported:
        raise UserError(f"run {run.name}: network.model is for all runs of a recipe; set it in the block network.")
    if network.model and feats.type != "online":
        raise UserError(f"run {run.name}: an imported model needs features.network.type online; set it and its model.")
    if network.model and run.train.teachers:
        raise UserError(f"run {run.name}: an imported model is its own teacher; leave train.teacher out.")
    if network.model and run.train.temperature != 1:
        raise UserError(f"run {run.name}: an imported model teaches at temperature 1; leave train.temperature out.")
    if network.model and run.train.teacher_top != TrainOptions.teacher_top:
        raise UserError(f"run {run.name}: an imported model is run on every batch; leave train.teacher_top out.")
    if network.model and (kept := _kept_by_imports(run)):
        raise UserError(f"run {run.name}: {kept}.")
    if network.model and experiment.recipe.corpus.untranscribed:
        fix = "add its utterances to the training set, and leave corpus.untranscribed out"
        raise UserError(f"run {run.name}: an imported model needs no transcripts anyway; {fix}.")
