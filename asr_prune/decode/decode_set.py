"""Best paths of a set at one LM weight."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.decode.decoder import BestPath, Decoder
from asr_prune.decode.kept import Coder, KeptSearch
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.pace import UNKNOWN, Audio, SetSearch, each_paced
from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.hmm.gmm import Floats

log = logging.getLogger(__name__)


def decode_set(
    graph: Readable,
    loglikes: Mapping[str, Floats],
    options: DecodeOptions,
    lm_weight: float,
    nj: int = 1,
    audio: Audio = UNKNOWN,
    search: SetSearch | None = None,
    kept: KeptSearch[BestPath] | None = None,
) -> dict[str, BestPath]:
    """Decodes log-likelihoods, float32 [frames, pdfs] by utterance, with `nj` processes.

    audio: of audio, for the progress; search: how it is named there, and its beams; kept: where an
    interrupted search of the same goes on, see `kept_paths`. To compare LM weights use
    `lattice_set`. Warns of utterances that reach no final state. Raises UserError for empty or
    invalid log-likelihoods, with the utterance, and as `Decoder`.
    """
    work = _Best(Decoder(graph, options), 1 / lm_weight)
    search = search or SetSearch("decoding", options)
    if kept:
        found = kept.each(work, lambda names: ((utt, loglikes[utt]) for utt in names), nj, search)
    else:
        found = each_paced(work, loglikes.items(), nj, search, audio)
    paths = dict(found)
    if not paths:
        raise UserError("there is no utterance to decode; check the features of this set.")
    setting = search.settings[0] if search.settings else ""
    warn_unfinished([utt for utt, path in paths.items() if not path.reached_final], setting)
    return paths


def kept_paths(folder: Path, feats: Mapping[str, Floats], shift: float) -> KeptSearch[BestPath]:
    """The best paths of `feats` that are kept in `folder`; shift: of frames, seconds."""
    return KeptSearch.of(folder, PATHS, feats, shift)


def _plain(path: BestPath) -> list[object]:
    return [path.words, path.score, path.reached_final, path.pdfs.tolist()]


def _read(content: Sequence[Any]) -> BestPath:
    words, score, reached_final, pdfs = content
    return BestPath(words, score, reached_final, np.array(pdfs, np.int32))


#: how best paths are kept
PATHS = Coder(_plain, _read)


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
