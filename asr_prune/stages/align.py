"""Stage align: the passes of the GMM-HMM over train and dev together, or labels made by Kaldi."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.hmm.network_features import feature_folder
from asr_prune.hmm.options import PassOptions, pass_name
from asr_prune.hmm.pass_files import pass_files
from asr_prune.lang.lang import LANG_FILES
from asr_prune.layout import LABELLED_SETS, SETS
from asr_prune.stages.inputs import feature_inputs
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Files, Work

#: what is read of a Kaldi alignment directory
_READ_OF_KALDI = (
    *("final.*", "tree", "cmvn_opts", "splice_opts", "delta_opts", "phones.txt", "num_jobs"),
    *("ali.*", "trans.*"),
)


def works(experiment: Experiment) -> list[Work]:
    """One work for each pass; with labels made by Kaldi one to take them; with CTC, or an imported
    model without labels, none.
    """
    if experiment.imported and experiment.recipe.hmm.labels:
        return [_taken_by_outputs(experiment, experiment.recipe.hmm.labels)]
    if experiment.ctc or experiment.imported:
        return []
    if experiment.recipe.hmm.labels:
        return [_taken(experiment, experiment.recipe.hmm.labels)]
    passes = experiment.recipe.hmm.run
    return [_trained(experiment, options, passes[:i]) for i, options in enumerate(passes)]


def _trained(experiment: Experiment, options: PassOptions, before: Sequence[PassOptions]) -> Work:
    layout, recipe = experiment.layout, experiment.recipe
    name, last = pass_name(options), options == recipe.hmm.run[-1]
    out = layout.hmm(name)
    earlier = layout.hmm(pass_name(before[-1])) if before else None
    inputs = feature_inputs(experiment, LABELLED_SETS, "hmm")
    inputs |= {layout.set(part) / "text": "corpus" for part in LABELLED_SETS}
    inputs |= {layout.lang / file: "lang" for file in ("L.fst", *LANG_FILES)}
    inputs |= dict.fromkeys(pass_files(earlier, before[-1], before[:-1]), "align") if earlier else {}
    # a pass that trains on all utterances labels them all, last or not
    partial = bool(options.shortest or options.utterances)
    return Work(
        stage="align",
        piece=name,
        says=f"training the GMM-HMM, pass {name}",
        job="asr_prune.hmm.train_pass:train_pass_on",
        arguments={
            "sets": layout.sets(LABELLED_SETS),
            "lang": layout.lang,
            "out": out,
            "options": options,
            "before": earlier,
            "features": recipe.features.hmm,
            "seed": recipe.seed,
            "label_all": last or not partial,
        },
        uncounted={"nj": experiment.nj},
        inputs=inputs,
        outputs=pass_files(out, options, before),
        home=layout.exp,
    )


def _taken(experiment: Experiment, source: Path) -> Work:
    layout, options, features = experiment.layout, experiment.recipe.hmm, experiment.features
    out = experiment.labels
    scps = {part: feature_folder(layout.set(part), features.kind) / "feats.scp" for part in LABELLED_SETS}
    given = [
        Files(source, _READ_OF_KALDI),
        *([Files(options.model, _READ_OF_KALDI)] if options.model else []),
    ]
    return Work(
        stage="align",
        piece=out.name,
        says=f"taking the labels of {source}",
        job="asr_prune.kaldi.take_label_sets:take_label_sets",
        arguments={
            "source": source,
            "model": options.model,
            "pdfs": options.pdfs,
            "scps": scps,
            "lang": layout.lang,
            "out": out,
            "frame_shift": features.frame_shift,
            "read": features.kind == "hmm",
        },
        inputs=feature_inputs(experiment, LABELLED_SETS, features.kind) | {layout.lang / "phones.txt": "lang"},
        outputs=[out / name for name in ("pdf.ark", "summary.json")],
        optional=given,
        home=layout.exp,
    )


def _taken_by_outputs(experiment: Experiment, source: Path) -> Work:
    layout, out, network = experiment.layout, experiment.labels, experiment.loaded.recipe.network
    _check_labels(experiment)
    scps = {part: feature_folder(layout.set(part), "network") / "feats.scp" for part in SETS}
    return Work(
        stage="align",
        piece=out.name,
        says=f"taking the labels of {source}",
        job="asr_prune.kaldi.take_output_labels:take_output_labels",
        arguments={
            "source": source,
            "outputs": experiment.outputs,
            "stride": network.subsampling,
            "sets": scps,
            "out": out,
            "frame_shift": experiment.features.frame_shift,
        },
        inputs=feature_inputs(experiment, SETS, "network"),
        outputs=[out / name for name in ("pdf.ark", "summary.json")],
        optional=[Files(source, _READ_OF_KALDI)],
        home=layout.exp,
    )


def _check_labels(experiment: Experiment) -> None:
    """Raises UserError if labels are to stand beside the outputs of a chain model, or are described."""
    hmm = experiment.recipe.hmm
    if hmm.model or hmm.pdfs:
        raise UserError("hmm.model and hmm.pdfs have no effect on an imported model, which has both; leave them out.")
    from asr_prune.acoustic.imported import check_posteriors, imported_network  # imports torch

    network = experiment.loaded.recipe.network
    check_posteriors(Path(network.model), imported_network(network).normalised, "leave hmm.labels out")
