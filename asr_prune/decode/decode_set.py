"""Decoding a set at every point of a grid of LM weights and word penalties, in processes that share one graph."""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.search import Decoder, Hypothesis
from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Floats
from asr_prune.progress import track

log = logging.getLogger(__name__)

Point = tuple[int, float]  # LM weight, word insertion penalty


@dataclass(frozen=True)
class Decoded:
    """hyps: {(weight, penalty): {utterance: Hypothesis}}; seconds: of search at one point of the grid on one process,
    on average; frames: decoded at each point; partial: utterances that reached no final state at some point.
    """

    hyps: dict[Point, dict[str, Hypothesis]]
    seconds: float
    frames: int
    partial: list[str]

    def rtf(self, frame_shift: float = 0.01) -> float:
        """Seconds of search per second of speech."""
        return self.seconds / max(self.frames * frame_shift, 1e-9)

    def summary(self, frame_shift: float = 0.01) -> str:
        """Real-time factor and average log-likelihood per frame, as Kaldi's decoders log them."""
        point = next(iter(self.hyps))
        average = sum(hyp.score for hyp in self.hyps[point].values()) * point[0] / max(self.frames, 1)
        about = f"log-likelihood per frame {average:.3f} at LM weight {point[0]}"
        return f"real-time factor {self.rtf(frame_shift):.5f}, {about}, over {self.frames} frames"

    def words(self, point: Point) -> dict[str, list[str]]:
        """{utterance: words} at one point."""
        return {utt: hyp.words for utt, hyp in self.hyps[point].items()}


def grid(options: DecodeOptions) -> list[Point]:
    """All LM weights with all word penalties."""
    return list(product(options.lm_weights, options.penalties))


def decode_set(
    graph: Path,
    loglikes: dict[str, Floats],
    options: DecodeOptions,
    points: Sequence[Point],
    nj: int = 1,
) -> Decoded:
    """Decodes log-likelihoods [frames, pdfs] by utterance at each (weight, penalty) of `points` with `nj` processes.

    Warns of utterances without a final state. Raises UserError for empty or bad log-likelihoods, naming the utterance,
    and as `Decoder`.
    """
    if not loglikes:
        raise UserError("there is no utterance to decode; check the features of this set.")
    decoder = Decoder(graph, options)
    for utt, matrix in loglikes.items():
        decoder.check(utt, matrix)
    for _, penalty in points:
        decoder.fst(penalty)
    results = dict(track(_run(decoder, loglikes, points, nj), len(loglikes), "decoding"))
    hyps = {point: {utt: results[utt][0][i] for utt in loglikes} for i, point in enumerate(points)}
    seconds = sum(spent for _, spent in results.values()) / len(points)
    partial = sorted(utt for utt, (found, _) in results.items() if not all(hyp.reached_final for hyp in found))
    decoded = Decoded(hyps, seconds, sum(map(len, loglikes.values())), partial)
    if partial:
        told = "%d utterances reached no final state, partial words kept: %s; a wider decode.beam helps"
        log.warning(told, len(partial), " ".join(partial[:5]))
    return decoded


Result = tuple[str, tuple[list[Hypothesis], float]]  # utterance, its hypothesis at each point, seconds

_shared: tuple[
    Decoder, dict[str, Floats], Sequence[Point]
]  # set before the fork, so that children get it without a copy


def _run(decoder: Decoder, loglikes: dict[str, Floats], points: Sequence[Point], nj: int) -> Iterator[Result]:
    global _shared
    _shared = decoder, loglikes, points
    if nj == 1:
        yield from map(_decode, loglikes)
        return
    with multiprocessing.get_context("fork").Pool(nj) as pool:
        yield from pool.imap_unordered(_decode, loglikes, chunksize=4)


def _decode(utt: str) -> Result:
    decoder, loglikes, points = _shared
    start = time.process_time()
    found = [decoder.search(loglikes[utt], 1 / weight, penalty) for weight, penalty in points]
    return utt, (found, time.process_time() - start)
