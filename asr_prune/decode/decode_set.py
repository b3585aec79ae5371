"""Best paths of a set at one LM weight."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from asr_prune.decode.decoder import BestPath, Decoder
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.pace import UNKNOWN, Audio, SetSearch, each_paced
from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.hmm.gmm import Floats

log = logging.getLogger(__name__)


def decode_set(
    graph: Readable,
    loglikes: Mapping[str, Floats] | Iterable[tuple[str, Floats]],
    options: DecodeOptions,
    lm_weight: float,
    nj: int = 1,
    audio: Audio = UNKNOWN,
    search: SetSearch | None = None,
) -> dict[str, BestPath]:
    """Decodes log-likelihoods, float32 [frames, pdfs] by utterance, with `nj` processes.

    audio: of audio, for the progress; search: how it is named there, and its beams. To compare LM
    weights use `lattice_set`. Warns of utterances that reach no final state. Raises UserError for
    empty or invalid log-likelihoods, with the utterance, and as `Decoder`.
    """
    work = _Best(Decoder(graph, options), 1 / lm_weight)
    pairs = loglikes.items() if isinstance(loglikes, Mapping) else loglikes
    search = search or SetSearch("decoding", options)
    paths = dict(each_paced(work, pairs, nj, search, audio))
    if not paths:
        raise UserError("there is no utterance to decode; check the features of this set.")
    setting = search.settings[0] if search.settings else ""
    warn_unfinished([utt for utt, path in paths.items() if not path.reached_final], setting)
    return paths


@dataclass(frozen=True)
class _Best:
    """scale: acoustic scale."""

    decoder: Decoder
    scale: float

    def __call__(self, utt: str, matrix: Floats) -> BestPath:
        self.decoder.check(utt, matrix)
        return self.decoder.best(matrix, self.scale)


def warn_unfinished(utterances: Sequence[str], setting: str = "decode.beam") -> None:
    """Logs how many utterances reached no final state, and the first five.

    setting: of the recipe that is the beam of the search, empty if none is.
    """
    if utterances:
        text = "%d utterances reached no final state, partial words kept: %s%s"
        remedy = f"; widen {setting}" if setting else ""
        log.warning(text, len(utterances), " ".join(sorted(utterances)[:5]), remedy)
