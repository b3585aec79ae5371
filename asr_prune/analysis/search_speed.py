"""How long the search takes: measured on a few utterances, or extrapolated from the size of the
graph.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.options import DecodeOptions, Point
from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Floats
from asr_prune.lang.binary import ARC

#: states of the random graph at most; larger ones cost as much a frame, once max_active bounds the
#: search
_STATES = 100_000
#: pdfs and frames of the random scores
_PDFS, _NOISE_FRAMES = 500, 30
#: a beam that leaves every bound to max_active
_WIDE = 1e6


@dataclass(frozen=True)
class Trial:
    """One search of an utterance. points: of a lattice, where words are taken from it; None for the
    best path at the options' acoustic scale.
    """

    options: DecodeOptions
    points: Sequence[Point] | None = None


@dataclass(frozen=True)
class SearchSpeed:
    """Seconds of processor time. rtf: for a second of speech; load: of the graph; utterances,
    speech, spent: how many were searched, their seconds, and the seconds that it took.
    """

    rtf: float
    load: float = 0.0
    utterances: int = 0
    speech: float = 0.0
    spent: float = 0.0
    extrapolated: bool = False


def measured_speed(
    decoder: Decoder, scores: Iterable[tuple[str, Floats]], shift: float, searches: Sequence[Trial], limit: float
) -> SearchSpeed:
    """Of all `searches` together, over as many of the utterances as `limit` seconds allow, at least
    one.

    scores: log-likelihoods float32 [frames, pdfs] by utterance, read as they are searched; shift:
    of their frames, in seconds. Raises UserError as `Decoder.check`, or without any utterance.
    """
    spent, frames, count = 0.0, 0, 0
    for utt, loglikes in scores:
        decoder.check(utt, loglikes)
        start = time.process_time()
        for search in searches:
            _search(decoder, loglikes, search)
        spent, frames, count = spent + time.process_time() - start, frames + len(loglikes), count + 1
        if spent > limit:
            break
    if not count:
        raise UserError("there is no utterance to search; run the features stage.")
    return SearchSpeed(spent / (frames * shift), 0.0, count, frames * shift, spent)


def _search(decoder: Decoder, loglikes: Floats, search: Trial) -> None:
    decoder.options = search.options
    scale = search.options.acoustic_scale
    if search.points is None:
        decoder.best(loglikes, scale)
    else:
        decoder.lattice(loglikes).sweep([(1 / scale, 0.0), *search.points])


def loaded(graph: Path, options: DecodeOptions) -> tuple[Decoder, float]:
    """A decoder, and the seconds that it takes to load its graph."""
    start = time.process_time()
    return Decoder(graph, options), time.process_time() - start


def bound_speed(states: float, shift: float, searches: Sequence[Trial]) -> SearchSpeed:
    """As if the most states went on in every frame that max_active and a graph of `states` states
    allow: measured on a random graph of that size and noise.
    """
    with TemporaryDirectory() as folder:
        graph = Path(folder)
        _random_graph(graph, int(min(max(states, 2), _STATES)))
        decoder, _ = loaded(graph, searches[0].options)
        noise = np.random.default_rng(0).normal(0, 1, (_NOISE_FRAMES, _PDFS)).astype(np.float32)
        wide = [Trial(replace(own.options, beam=_WIDE), None) for own in searches]
        rtf = measured_speed(decoder, [("noise", noise)], shift, wide, 0.0).rtf
        return SearchSpeed(rtf, extrapolated=True)


def _random_graph(out: Path, states: int) -> None:
    """A graph folder in which each state has a loop and two arcs to random others, as many as in
    HCLG.
    """
    dice = np.random.default_rng(0)
    arcs = np.zeros(3 * states, ARC)
    sources = np.repeat(np.arange(states), 3)
    arcs["ilabel"] = dice.integers(1, _PDFS + 1, states)[sources]
    arcs["olabel"] = 0
    arcs["weight"] = dice.exponential(1.0, len(arcs))
    arcs["nextstate"] = np.where(np.arange(len(arcs)) % 3 == 0, sources, dice.integers(0, states, len(arcs)))
    counts = np.full(states, 3, np.int64)
    (out / "HCLG.fst").write_bytes(FstArrays(0, np.zeros(states, np.float32), counts, arcs).bytes())
    (out / "words.txt").write_text("<eps> 0\n", encoding="utf-8")
    np.savetxt(out / "pdfs.txt", np.r_[-1, np.arange(_PDFS)], "%d")
