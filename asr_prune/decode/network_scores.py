"""Log-likelihoods under a network, ready for the search."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch

from asr_prune.acoustic.batches import utterance_batches
from asr_prune.acoustic.checkpoint import Model
from asr_prune.acoustic.priors import log_likelihoods
from asr_prune.acoustic.targets import token_targets
from asr_prune.acoustic.train import pick_device
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.greedy import greedy_words
from asr_prune.decode.options import Device
from asr_prune.decode.token_priors import token_log_priors
from asr_prune.features.stored import frames_of
from asr_prune.hmm.network_features import Feats
from asr_prune.spread.executor import elsewhere

log = logging.getLogger(__name__)


class NetworkScores:
    """Yields (utterance, log-likelihoods float32 [frames, classes]) batch by batch.

    seconds: time in the network by `clock`, without the reading of features.
    """

    def __init__(
        self,
        model: Model,
        feats: Feats,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.model, self.feats, self.clock, self.seconds = model, feats, clock, 0.0

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        model = self.model
        for names in utterance_batches(frames_of(self.feats)):
            batch, start = {name: self.feats[name] for name in names}, self.clock()
            for scores in log_likelihoods(model.network, model.priors, batch, model.context):
                self.seconds += self.clock() - start
                yield scores
                start = self.clock()


def decode_device(requested: str) -> torch.device:
    """The device of `decode.device`. Raises UserError if that is not there."""
    return pick_device(requested, "decode.device")


def shared_device(requested: Device) -> Device:
    """`decode.device` of work that an executor shares: if it has workers, their CPUs, as is logged."""
    if requested == "cpu" or elsewhere() is None:
        return requested
    log.info("  decode.device %s is not used: the executor's workers compute on their CPUs", requested)
    return "cpu"


def placed_model(model: Model, device: str) -> Model:
    """`model`, its network on the device of `decode.device`. Raises UserError if that is not there."""
    model.network.to(decode_device(device))
    return model


def with_token_priors(decoding: Decoding, model: Model) -> Model:
    """`model` with the priors for its search.

    With CTC and a graph these are token priors to the power decode.ctc_prior_scale; otherwise
    `model` is unchanged.
    """
    scale = decoding.options.ctc_prior_scale
    if not decoding.ctc or decoding.options.search != "graph" or not scale:
        return model
    labels, symbols = token_targets(decoding.lang, [decoding.set("train")])
    return replace(model, priors=scale * token_log_priors(labels.values(), len(symbols)))


def greedy_set(model: Model, feats: Feats) -> dict[str, list[str]]:
    """Words of every utterance, without lexicon and language model."""
    scores = log_likelihoods(model.network, model.priors, feats, model.context)
    return {utt: greedy_words(posteriors, model.tokens) for utt, posteriors in scores}
