"""What the train stage makes: one network, trained with its pruning method."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.acoustic.distributed.launch import in_processes
from asr_prune.acoustic.distributed.processes import is_first
from asr_prune.acoustic.examples import Utterances
from asr_prune.acoustic.imported import imported_network
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.placing import gpu_memory
from asr_prune.acoustic.targets import frame_targets, own_targets, token_targets
from asr_prune.acoustic.unlabelled import Both, Unlabelled
from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.features.stored import Stored
from asr_prune.files import atomic
from asr_prune.hmm.network_features import NetworkFeatures
from asr_prune.pruning.left_out import leave_out, unheard
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.registry import audit_tables
from asr_prune.pruning.teaching import Known, Labelled, load_teacher
from asr_prune.pruning.training import train_run
from asr_prune.run_dir import RunDir


def train_one(
    run: RunDir,
    seed: int,
    network: NetworkOptions,
    train: TrainOptions,
    prune: PruneOptions,
    features: NetworkFeatures,
    data: Path,
    align: Path,
    lang: Path | None,
    recipe: str,
    how: Mapping[str, Any],
    untranscribed: Path | None = None,
    labelled: bool = False,
) -> list[Path]:
    """Trains a network on the sets train and dev in folder `data` and writes the run's files.

    align: folder of the passes; lang: with the tokens that CTC learns, None for frame labels;
    recipe: text of the run's recipe.yaml; how: the options NO_EFFECT of `train`; untranscribed: a
    set without labels, from which teachers teach, too; labelled: whether an imported network has
    labels beside its own outputs. Goes on from the last checkpoint if there is
    one. Raises UserError as `train_run`. Returns further files that it wrote.
    """
    with atomic(run.recipe) as file:
        file.write(recipe)
    train = replace(train, **{**how, "processes": 1})
    given = run, seed, network, train, prune, features, data, align, lang, untranscribed, labelled
    return in_processes(how["processes"], _train, given)


def _train(
    run: RunDir,
    seed: int,
    network: NetworkOptions,
    train: TrainOptions,
    prune: PruneOptions,
    features: NetworkFeatures,
    data: Path,
    align: Path,
    lang: Path | None,
    untranscribed: Path | None,
    labelled: bool,
) -> list[Path]:
    sets = [data / part for part in ("train", "dev")]
    stored = [features.stored(folder, align) for folder in sets]
    hmm = align / features.hmm
    labels, classes = _targets(network, stored, sets, lang, hmm, labelled)
    speakers = DataDir.read(sets[0]).utt2spk if train.left_out or train.teachers else {}
    heard, left_out = leave_out(stored[0], speakers, train.left_out)
    train_set: Labelled = heard, labels
    dev_set: Labelled = stored[1], labels
    taught = [sets[0], *([untranscribed] if untranscribed else [])]
    if untranscribed:
        train_set = _with_unlabelled(train_set, features.stored(untranscribed, align))
    options = network, train, prune
    found = [_known(name, run.path.parent, features, taught, align, lang is not None) for name in train.teachers]
    teachers = [replace(known, unheard=unheard(known.model.left_out, speakers)) for known in found]
    with gpu_memory():
        figures = train_run(run, train_set, dev_set, classes, options, seed, features.plain(), teachers, left_out)
    if not is_first():
        return []
    with atomic(run.train) as file:
        json.dump(figures, file, indent=1)
    run.checkpoint.unlink(missing_ok=True)
    tables = (run.path / name for name in audit_tables())
    return [path for path in (run.weights, *run.models.glob("*.pt"), *tables) if path.is_file()]


def _targets(
    network: NetworkOptions,
    stored: Sequence[Stored],
    sets: Sequence[Path],
    lang: Path | None,
    hmm: Path,
    labelled: bool,
) -> tuple[Mapping[str, np.ndarray], int | list[str]]:
    if network.model:
        known, outputs = frame_targets(hmm) if labelled else ({}, imported_network(network).outputs)
        return own_targets(known, stored), outputs
    return token_targets(lang, sets) if lang else frame_targets(hmm)


def _with_unlabelled(labelled: Labelled, more: Utterances) -> Labelled:
    """A set with the utterances of `more`, whose frames have no labels."""
    features, labels = labelled
    return Both(features, more), Both(labels, Unlabelled(more))


def _known(name: str, runs: Path, features: NetworkFeatures, sets: Sequence[Path], align: Path, ctc: bool) -> Known:
    """A teacher, with its own features of `sets`, one or two, if they are not `features`.

    Raises UserError if the experiment does not have them.
    """
    model = load_teacher(name, runs)
    own = NetworkFeatures.from_plain(model.features) if model.features else features
    foreign = bool(model.tokens) is not ctc  # refused when its labels are compared
    if own.read == features.read or foreign:
        return Known(name, model)
    if missing := own.missing(features, align):
        raise UserError(
            f"train.teacher: {name} reads features that this experiment does not have: {missing}; "
            "give a teacher that was trained on features of this recipe."
        )
    first, *more = (own.stored(folder, align) for folder in sets)
    return Known(name, model, Both(first, more[0]) if more else first)
