"""Stage features: the features of the GMM-HMM and of the networks, for every set."""

from __future__ import annotations

from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.features.online.directory import MODEL_FILES
from asr_prune.features.options import FeatureOptions
from asr_prune.hmm.network_features import FEATURE_FILES, feature_folder
from asr_prune.layout import SETS, UNTRANSCRIBED
from asr_prune.run_dir import portions_of
from asr_prune.stages.inputs import noisy_sets
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Files, Listing, Work


def works(experiment: Experiment) -> list[Work]:
    """One work for each kind of features, computed or taken from archives; one for the test sets with noise."""
    made = [_work(experiment, kind, kind, experiment.layout.sets()) for kind in _kinds(experiment)]
    noisy, read = experiment.layout.sets(noisy_sets(experiment)), experiment.features.kind
    made += [_work(experiment, read, f"{read}-noise", noisy)] if noisy else []
    if not experiment.recipe.corpus.untranscribed:
        return made
    check_untranscribed(experiment)
    return [
        *made,
        _work(experiment, read, f"{read}-{UNTRANSCRIBED}", [experiment.layout.set(UNTRANSCRIBED)]),
    ]


def check_untranscribed(experiment: Experiment) -> None:
    """Raises UserError if the networks cannot read or use speech without transcripts."""
    network = experiment.recipe.features.network
    if experiment.ctc:
        raise UserError("corpus.untranscribed is for frame labels; leave it out, or set decode.type to hmm.")
    if network.type == "hmm" or network.archives:
        raise UserError(
            "corpus.untranscribed needs features that are computed from audio alone; set features.network.type to "
            "fbank or mfcc, without archives."
        )


def _kinds(experiment: Experiment) -> list[str]:
    network = experiment.recipe.features.network
    if experiment.imported:
        return ["network"]
    if experiment.ctc:
        if network.type == "hmm":
            raise UserError(
                "features.network.type hmm takes the features of a GMM-HMM, and CTC trains none; set it to fbank or "
                "mfcc."
            )
        return ["network"]
    return ["hmm"] if network.type == "hmm" else ["hmm", "network"]


def _work(experiment: Experiment, kind: str, piece: str, sets: list[Path]) -> Work:
    layout, options = experiment.layout, getattr(experiment.recipe.features, kind)
    outs = [feature_folder(folder, kind) for folder in sets]
    make = _taken if options.archives else _computed
    tables = ("text", "utt2spk", *(() if options.archives else ("wav.scp",)))
    common = {
        "stage": "features",
        "piece": piece,
        "inputs": {folder / name: "corpus" for folder in sets for name in tables},
        "outputs": [out / name for out in outs for name in FEATURE_FILES],
        "home": layout.exp,
    }
    return make(experiment, kind, options, {"sets": sets, "outs": outs}, common)


def _computed(
    experiment: Experiment,
    kind: str,
    options: FeatureOptions,
    places: dict[str, list[Path]],
    common: dict[str, object],
) -> Work:
    corpus = experiment.recipe.corpus
    chosen = {} if corpus.channel is None else {"channel": corpus.channel}
    audio = Listing("asr_prune.corpus.datadir:audio_files", {"folders": places["sets"]})
    return Work(
        says=f"computing the features of the {'GMM-HMM' if kind == 'hmm' else 'network'}",
        job="asr_prune.features.make:make_features",
        arguments={**places, "kind": kind, "options": options, "longest": corpus.longest, **chosen},
        uncounted={"nj": experiment.nj},
        unfinished=[portions_of(out) for out in places["outs"]],
        optional=[
            *(folder / "segments" for folder in places["sets"]),
            audio,
            *_model_files(options),
        ],
        **common,  # type: ignore[arg-type]
    )


def _model_files(options: FeatureOptions) -> list[Files]:
    """The files of the model whose features are computed, if any."""
    return [Files(Path(options.model), MODEL_FILES)] if options.model else []


def _taken(
    experiment: Experiment,
    kind: str,
    options: FeatureOptions,
    places: dict[str, list[Path]],
    common: dict[str, object],
) -> Work:
    source = Path(options.archives)
    shift = options.frame_shift_ms / 1000
    archives = Listing("asr_prune.kaldi.feature_archives:feature_archives", {"source": source, "parts": SETS})
    return Work(
        says=f"taking the features in {source}",
        job="asr_prune.kaldi.take_feature_sets:take_feature_sets",
        arguments={**places, "source": source, "kind": kind, "frame_shift": shift},
        optional=[archives],
        **common,  # type: ignore[arg-type]
    )
