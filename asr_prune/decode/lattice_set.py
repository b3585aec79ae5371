"""A set decoded to lattices once, and its words at every LM weight and word penalty taken from them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from asr_prune.decode.decode_set import warn_of_unfinished
from asr_prune.decode.lattice import Lattice
from asr_prune.decode.lattice_archive import read_lattices, writing_lattices
from asr_prune.decode.options import DecodeOptions, Point
from asr_prune.decode.parallel import each
from asr_prune.decode.search import Decoder
from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Floats
from asr_prune.lang.symbols import read_symbols

Words = dict[Point, dict[str, list[str]]]


@dataclass
class Decoded:
    """words: {(weight, penalty): {utterance: words}}; search_seconds, sweep_seconds: of processors, making lattices and
    weighing them; frames: decoded; score: log-likelihood of all best paths, scaled as in the search; partial:
    utterances that reached no final state, of which `failed` have no path at all.
    """

    words: Words
    utterances: int = 0
    frames: int = 0
    search_seconds: float = 0.0
    sweep_seconds: float = 0.0
    score: float = 0.0
    partial: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def rtf(self, frame_shift: float = 0.01) -> float:
        """Seconds of search per second of speech."""
        return self.search_seconds / max(self.frames * frame_shift, 1e-9)

    def summary(self, frame_shift: float = 0.01) -> str:
        """Real-time factor and average log-likelihood per frame, as Kaldi's decoders log them."""
        done = f"{self.utterances - len(self.failed)} utterances done, {len(self.failed)} failed"
        average = self.score / max(self.frames, 1)
        return (
            f"{done}, real-time factor {self.rtf(frame_shift):.5f}, log-likelihood per frame {average:.3f} "
            f"over {self.frames} frames"
        )


@dataclass(frozen=True)
class _Result:
    """Of one utterance."""

    frames: int
    lattice: Lattice | None
    words: list[list[int]]
    score: float
    reached_final: bool
    seconds: tuple[float, float]


def grid(options: DecodeOptions) -> list[Point]:
    """All LM weights with all word penalties."""
    return list(product(options.lm_weights, options.penalties))


def lattice_set(
    graph: Path,
    loglikes: Iterable[tuple[str, Floats]],
    options: DecodeOptions,
    points: Sequence[Point],
    nj: int = 1,
    keep: Path | None = None,
) -> Decoded:
    """Decodes (utterance, log-likelihoods [frames, pdfs]) with `nj` processes, words at each of `points`.

    Not all of `loglikes` are in memory at once. keep: where to write the lattices, an archive as `lat.1.gz` of Kaldi.
    Warns of utterances without a final state. Raises UserError for empty or bad log-likelihoods, naming the utterance,
    and as `Decoder`.
    """
    decoder = Decoder(graph, options)
    decoded, ids = Decoded({point: {} for point in points}), decoder.words

    def work(utt: str, matrix: Floats) -> _Result:
        decoder.check(utt, matrix)
        return _decode(decoder, matrix, points, keep is not None)

    with writing_lattices(keep) if keep else nullcontext() as write:
        for utt, result in each(work, loglikes, nj):
            _count(decoded, utt, result)
            for point, words in zip(points, result.words, strict=True):
                decoded.words[point][utt] = [ids[i] for i in words]
            if write and result.lattice and utt not in decoded.failed:
                write(utt, result.lattice)
    if not decoded.utterances:
        raise UserError("there is no utterance to decode; check the features of this set.")
    warn_of_unfinished(decoded.partial)
    return decoded


def _decode(decoder: Decoder, loglikes: Floats, points: Sequence[Point], keep: bool) -> _Result:
    start = time.process_time()
    lattice = decoder.lattice(loglikes)
    searched = time.process_time()
    own = (1 / decoder.options.acoustic_scale, 0.0)
    (_, cost), *swept = lattice.sweep([own, *points])
    seconds = searched - start, time.process_time() - searched
    words = [said for said, _ in swept]
    kept = Lattice(lattice.arrays) if keep else None
    return _Result(len(loglikes), kept, words, -cost, lattice.reached_final, seconds)


def _count(decoded: Decoded, utt: str, result: _Result) -> None:
    decoded.utterances += 1
    decoded.frames += result.frames
    decoded.search_seconds += result.seconds[0]
    decoded.sweep_seconds += result.seconds[1]
    if result.score > float("-inf"):
        decoded.score += result.score
    else:
        decoded.failed.append(utt)
    if not result.reached_final:
        decoded.partial.append(utt)


def sweep_archive(archive: Path, graph: Path, points: Sequence[Point], nj: int = 1) -> Words:
    """Words at each of `points` from lattices that `lattice_set` kept, by utterance.

    Raises UserError where the archive is missing, damaged or of another graph, naming the utterance.
    """
    ids = {i: word for word, i in read_symbols(graph / "words.txt").items()}

    def work(utt: str, lattice: Lattice) -> list[list[str]]:
        try:
            return [[ids[i] for i in words] for words, _ in lattice.sweep(points)]
        except (ValueError, KeyError) as error:
            told = f"word {error} is not in {graph}/words.txt" if isinstance(error, KeyError) else error
            raise UserError(f"{archive}, lattice of {utt}: {told}; run the decode stage again.") from error

    found: Words = {point: {} for point in points}
    for utt, swept in each(work, read_lattices(archive), nj):
        for point, words in zip(points, swept, strict=True):
            found[point][utt] = words
    return found
