"""Best paths of a set at one LM weight."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from asr_prune.decode.decoder import BestPath, Decoder
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.parallel import each
from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.hmm.gmm import Floats
from asr_prune.progress import track

log = logging.getLogger(__name__)


def decode_set(
    graph: Readable,
    loglikes: Mapping[str, Floats] | Iterable[tuple[str, Floats]],
    options: DecodeOptions,
    lm_weight: float,
    nj: int = 1,
    total: int = 0,
) -> dict[str, BestPath]:
    """Decodes log-likelihoods, float32 [frames, pdfs] by utterance, with `nj` processes.

    total: number of utterances, for the progress bar, if `loglikes` has no length. To compare LM
    weights use `lattice_set`. Warns of utterances that reach no final state. Raises UserError for
    empty or invalid log-likelihoods, with the utterance, and as `Decoder`.
    """
    work = _Best(Decoder(graph, options), 1 / lm_weight)
    pairs: Iterable[tuple[str, Floats]]
    if isinstance(loglikes, Mapping):
        pairs, total = loglikes.items(), len(loglikes)
    else:
        pairs = loglikes
    paths = dict(track(each(work, pairs, nj), total, "decoding"))
    if not paths:
        raise UserError("there is no utterance to decode; check the features of this set.")
    warn_unfinished([utt for utt, path in paths.items() if not path.reached_final])
    return paths


@dataclass(frozen=True)
class _Best:
    """scale: acoustic scale."""

    decoder: Decoder
    scale: float

    def __call__(self, utt: str, matrix: Floats) -> BestPath:
        self.decoder.check(utt, matrix)
        return self.decoder.best(matrix, self.scale)


def warn_unfinished(utterances: Sequence[str]) -> None:
    """Logs how many utterances reached no final state, and the first five."""
    if utterances:
        text = "%d utterances reached no final state, partial words kept: %s; widen decode.beam"
        log.warning(text, len(utterances), " ".join(sorted(utterances)[:5]))
