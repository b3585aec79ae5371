"""Whether a verb that is no stage may read the features that are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from asr_prune.errors import UserError
from asr_prune.stages import works_of
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.ledger import Hashes, Ledger, digest_of
from asr_prune.workflow.work import plain


def need_features(experiment: Experiment, trained_on: dict[str, Any], network: Path) -> None:
    """Raises UserError if the network in the file `network` was trained on other features than the
    recipe's, or if those there were made with other settings.

    trained_on: what the network has stored. Inputs and code do not count: audio that was moved or
    touched changes no result. Folds and other seeds have those of the whole experiment.
    """
    experiment.decoding.check_features(trained_on, network)
    whole = replace(experiment, part="", seed=None)
    hashes = Hashes(whole.layout.hashes)
    for work in works_of("features", whole):
        made = Ledger(work.home, hashes).recorded(work.entry)
        if made and made["arguments"] != digest_of(plain(work.arguments)):
            data, again = whole.layout.data, whole.command_of("features")
            what = f"{data} has features that were computed with other settings than the recipe's"
            raise UserError(f"{what}; compute them again: {again}")
