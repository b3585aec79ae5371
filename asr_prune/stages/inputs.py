"""Files that several stages read, each with the stage that makes it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from asr_prune.hmm.network_features import FEATURE_FILES, feature_folder, transform_file
from asr_prune.lang.options import token_files
from asr_prune.layout import Layout, noisy_set
from asr_prune.workflow.experiment import Experiment

Inputs = dict[Path, str]
#: what a search reads of a decoding graph
GRAPH_READ = ("HCLG.fst", "words.txt", "pdfs.txt")
#: the one of FEATURE_FILES that has the features themselves
ARCHIVE = "feats.ark"
#: what a front end reads of a pass, as far as the pass has it
FRONT_END = ("delta_opts", "splice_opts", "final.mat")


def noisy_sets(experiment: Experiment) -> tuple[str, ...]:
    """The copies of the test set with noise."""
    return tuple(map(noisy_set, experiment.recipe.noise.snr))


def feature_inputs(experiment: Experiment, parts: Iterable[str], kind: str) -> Inputs:
    """Stored features of some sets; kind: `hmm` or `network`."""
    folders = [experiment.layout.set(part) for part in parts]
    inputs = dict.fromkeys((folder / "utt2spk" for folder in folders), "corpus")
    for folder in folders:
        inputs |= dict.fromkeys(feature_files(experiment.layout, folder, kind), "features")
    return inputs


def feature_files(layout: Layout, folder: Path, kind: str) -> list[Path]:
    """The files of a set's features. Those of a fold lie in the archives of the whole corpus."""
    own = feature_folder(folder, kind)
    if not layout.fold:
        return [own / name for name in FEATURE_FILES]
    shared = [feature_folder(each, kind) / ARCHIVE for each in layout.whole.sets()]
    return [*(own / name for name in FEATURE_FILES if name != ARCHIVE), *shared]


def network_inputs(experiment: Experiment, parts: Iterable[str]) -> Inputs:
    """What the networks read of some sets: features, and the transforms of a speaker-adaptive pass."""
    parts, source = list(parts), experiment.features
    inputs = feature_inputs(experiment, parts, source.kind)
    if experiment.sat is None or source.kind != "hmm":
        return inputs
    for part in parts:
        scp = transform_file(experiment.labels, part)
        maker = "align" if part == "train" else "graph"
        inputs |= {scp: maker, scp.with_suffix(".ark"): maker}
    return inputs


def front_end_files(experiment: Experiment) -> list[Path]:
    """Files of the labels' pass that the networks' features depend on; not every pass has them."""
    if experiment.features.kind != "hmm":
        return []
    return [experiment.labels / name for name in FRONT_END]


def label_inputs(experiment: Experiment, parts: Iterable[str]) -> Inputs:
    """What networks learn: frame labels, or for CTC tokens and transcripts; imported ones neither,
    or labels.
    """
    if experiment.imported and not experiment.recipe.hmm.labels:
        return {}
    if experiment.ctc:
        texts = {experiment.layout.set(part) / "text": "corpus" for part in parts}
        return token_inputs(experiment) | texts
    return {experiment.labels / name: "align" for name in ("pdf.ark", "summary.json")}


def token_inputs(experiment: Experiment) -> Inputs:
    """What the tokens of CTC are, and how words are spelled in them."""
    files = token_files(experiment.recipe.lang.tokens)
    return {experiment.layout.lang / name: "lang" for name in files}


def decoding_inputs(experiment: Experiment, parts: Iterable[str]) -> Inputs:
    """What decoding some sets reads besides the network."""
    inputs = network_inputs(experiment, parts)
    inputs |= {experiment.graph / name: "graph" for name in GRAPH_READ} if experiment.graph else {}
    return inputs | (label_inputs(experiment, ("train",)) if experiment.ctc else {})
