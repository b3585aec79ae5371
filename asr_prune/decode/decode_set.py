"""The best words of a set at one LM weight, in processes that share one graph."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.parallel import each
from asr_prune.decode.search import Decoder, Hypothesis
from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Floats
from asr_prune.progress import track

log = logging.getLogger(__name__)


def decode_set(
    graph: Path,
    loglikes: Mapping[str, Floats] | Iterable[tuple[str, Floats]],
    options: DecodeOptions,
    lm_weight: float,
    nj: int = 1,
    total: int = 0,
) -> dict[str, Hypothesis]:
    """Decodes log-likelihoods [frames, pdfs] by utterance with `nj` processes. total: how many, where they are not
    counted.

    For LM weights that are to be compared see `lattice_set`. Warns of utterances without a final state. Raises
    UserError for empty or bad log-likelihoods, naming the utterance, and as `Decoder`.
    """
    decoder = Decoder(graph, options)

    def work(utt: str, matrix: Floats) -> Hypothesis:
        decoder.check(utt, matrix)
        return decoder.best(matrix, 1 / lm_weight)

    pairs: Iterable[tuple[str, Floats]] = loglikes.items() if isinstance(loglikes, Mapping) else loglikes
    total = len(loglikes) if isinstance(loglikes, Mapping) else total
    hyps = dict(track(each(work, pairs, nj), total, "decoding"))
    if not hyps:
        raise UserError("there is no utterance to decode; check the features of this set.")
    warn_of_unfinished([utt for utt, hyp in hyps.items() if not hyp.reached_final])
    return hyps


def warn_of_unfinished(utterances: Sequence[str]) -> None:
    """Of those that reached no final state: how many, and the first five."""
    if utterances:
        told = "%d utterances reached no final state, partial words kept: %s; a wider decode.beam helps"
        log.warning(told, len(utterances), " ".join(sorted(utterances)[:5]))
